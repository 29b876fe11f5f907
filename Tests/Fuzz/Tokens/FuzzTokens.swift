// Feeds arbitrary bytes to the readers of tokens, key sets and stored password hashes. Nothing traps; what is verified
// was signed by a key of the set and is for this audience; a stored hash that is read is written again the same.

private let secret = [UInt8](repeating: 7, count: 32)
private let keys = TokenKeySet([TokenKey(secret: secret, id: "k")].compactMap { $0 })
private let rules = TokenRules(issuer: "i", audience: "a", algorithms: [.hs256, .rs256, .es256])

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokens(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let text = String(decoding: bytes, as: UTF8.self)
  if let token = try? SignedToken(text) {
    precondition(text.utf8.count <= SignedToken.bytesMax)
    _ = try? TokenVerifier.verify(token, by: rules, with: keys, unixSeconds: 1_950_000_000)
    _ = token.issuer
  }
  if let set = TokenKeySet(parsing: bytes) { precondition(!set.keys.isEmpty && set.keys.count <= TokenKeySet.keysMax) }
  if let hash = PasswordHash(text) { precondition(PasswordHash(hash.text) == hash, "a hash is written as it is read") }
  claims(bytes)
  return 0
}

/// The same bytes as header and claims of a token that is signed: what stands behind the signature is reached, too.
private func claims(_ bytes: [UInt8]) {
  guard bytes.count <= 4000 else { return }
  let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
  let header = parts.count == 2 ? Array(parts[0]) : Array(#"{"alg":"HS256","kid":"k"}"#.utf8)
  let signed = [header, Array(parts.last ?? [])].map { Base64.encode($0, .url, pads: false) }.joined(separator: ".")
  let mac = Digest.hmacSHA256(Array(signed.utf8), key: secret)
  guard let token = try? SignedToken("\(signed).\(Base64.encode(mac, .url, pads: false))"),
    let claims = try? TokenVerifier.verify(token, by: rules, with: keys, unixSeconds: 1_950_000_000)
  else { return }
  precondition(token.algorithm == .hs256 && claims.issuer == "i" && !claims.subject.isEmpty)
  precondition(claims.expiresAt > 1_950_000_000 - rules.leewaySeconds, "it has not expired")
  _ = claims.strings("scope", splits: true)
}
