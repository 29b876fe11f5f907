internal import Contracts
internal import Crypto
internal import HTTPWire
internal import JSON
internal import Primitives
internal import SystemSources

/// The second factor of a user: the secret of an app and the digests of recovery codes. It is stored sealed.
struct SecondFactorSecret: Sendable, Equatable {
  /// Recovery codes of an enrolment.
  static let recoveryCodesCount = 10
  private static let recoveryCodeBytes = 10

  let secret: [UInt8]
  /// Of the codes that were not used yet.
  var recoveryDigests: [String]

  /// A fresh secret, still without recovery codes.
  static func make() -> SecondFactorSecret {
    SecondFactorSecret(secret: SystemRandom.bytes(OneTimeCode.secretBytes), recoveryDigests: [])
  }

  /// Makes recovery codes anew; the old ones are good no longer. 80 random bits each: a plain digest keeps them.
  mutating func makeRecoveryCodes() -> [String] {
    let codes = (0..<SecondFactorSecret.recoveryCodesCount).map { _ in
      let letters = Base32.encode(SystemRandom.bytes(SecondFactorSecret.recoveryCodeBytes)).lowercased()
      return stride(from: 0, to: 16, by: 4).map { String(letters.dropFirst($0).prefix(4)) }.joined(separator: "-")
    }
    recoveryDigests = codes.map(SecondFactorSecret.digest)
    return codes
  }

  /// The digest of a recovery code, however it is written.
  static func digest(_ code: String) -> String {
    let letters = code.lowercased().utf8.filter { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
    return Hex.encode(Digest.sha256(Array("cadre recovery code v1\0".utf8) + letters))
  }

  /// The place of a recovery code among those that are left; `nil` when it is none. Compares with all of them.
  func place(of code: String) -> Int? {
    let digest = SecondFactorSecret.digest(code)
    var found: Int?
    for (place, other) in recoveryDigests.enumerated() where Secrets.equal(digest, other) { found = place }
    return found
  }

  // MARK: The stored form

  private static func place(_ owner: SessionOwner) -> SealedPlace {
    SealedPlace(tenant: "\(owner.tenant)", table: "users.second_factor", id: "\(owner.user)")
  }

  /// Seals it for a user; `nil` without a key.
  func sealed(for owner: SessionOwner, by sealer: SecretSealer) -> [UInt8]? {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("totp", Hex.encode(secret))
    writer.member("recovery", recoveryDigests)
    writer.endObject()
    return sealer.seal(writer.bytes, at: SecondFactorSecret.place(owner))
  }

  /// Opens what was sealed for a user; `nil` for anything else.
  init?(_ sealed: [UInt8], of owner: SessionOwner, by sealer: SecretSealer) {
    guard let bytes = sealer.open(sealed, at: SecondFactorSecret.place(owner)),
      let root = try? JSONDocument(parsing: bytes, limits: JSONLimits(depthMax: 3, bytesMax: 8192, nodesMax: 100)).root,
      let secret = root["totp"]?.string.flatMap({ Hex.decode($0) }), !secret.isEmpty, let codes = root["recovery"]
    else { return nil }
    self.init(secret: secret, recoveryDigests: codes.elements.compactMap(\.string))
  }

  /// What was sealed for a user, under the first key; `nil` when no key opens it.
  static func rewrapped(_ sealed: [UInt8], of owner: SessionOwner, by sealer: SecretSealer) -> [UInt8]? {
    sealer.rewrapped(sealed, at: place(owner))
  }

  init(secret: [UInt8], recoveryDigests: [String]) {
    self.secret = secret
    self.recoveryDigests = recoveryDigests
  }

  /// The address that apps read as a picture.
  func address(email: String) -> String {
    "otpauth://totp/Cadre:\(PercentEncoding.encode(email))?secret=\(Base32.encode(secret))&issuer=Cadre"
  }
}

/// Base32 without padding (RFC 4648, section 6), as apps want their secrets.
enum Base32 {
  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    var (word, bits): (UInt32, UInt32) = (0, 0)
    for byte in bytes {
      word = (word << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(letters[Int(word >> bits & 31)])
      }
    }
    if bits > 0 { text.append(letters[Int(word << (5 - bits) & 31)]) }
    return String(decoding: text, as: UTF8.self)
  }
}
