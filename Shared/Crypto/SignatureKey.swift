internal import COpenSSL

/// A public key that verifies signatures over SHA-256: RSASSA-PKCS1-v1_5 (RS256) or ECDSA on P-256 (ES256).
public final class SignatureKey: Sendable {
  /// What it verifies.
  public enum Algorithm: Sendable, Hashable {
    /// RSASSA-PKCS1-v1_5, keys of 2,048 to 8,192 bits.
    case rsa
    /// ECDSA on the curve P-256; a signature is `r` and `s`, 32 bytes each.
    case p256
  }

  /// `@unchecked Sendable`: the key is never changed after it was made, and OpenSSL reads keys from several threads.
  private struct Handle: @unchecked Sendable { let pointer: OpaquePointer }

  private static let coordinateBytes = 32
  private static let modulusBytes = 256...1024

  /// What it verifies.
  public let algorithm: Algorithm
  private let key: Handle
  private let signatureBytes: Int

  /// An RSA key, both numbers with the most significant byte first; `nil` for a modulus that is too short or too long,
  /// or a public exponent that is even, 1, or of more than 32 bits.
  public init?(rsaModulus modulus: [UInt8], exponent: [UInt8]) {
    let modulus = Array(modulus.drop { $0 == 0 })
    let exponent = Array(exponent.drop { $0 == 0 })
    guard SignatureKey.modulusBytes.contains(modulus.count), (1...4).contains(exponent.count),
      let last = exponent.last, last & 1 == 1, exponent != [1], let low = modulus.last, low & 1 == 1
    else { return nil }
    var (n, e) = (Array(modulus.reversed()), Array(exponent.reversed()))
    let made = n.withUnsafeMutableBufferPointer { n in
      e.withUnsafeMutableBufferPointer { e in
        SignatureKey.make(
          "RSA",
          [
            OSSL_PARAM_construct_BN(SignatureKey.name("n"), n.baseAddress, n.count),
            OSSL_PARAM_construct_BN(SignatureKey.name("e"), e.baseAddress, e.count),
          ])
      }
    }
    guard let made else { return nil }
    algorithm = .rsa
    key = Handle(pointer: made)
    signatureBytes = modulus.count
  }

  /// A point of P-256, 32 bytes each; `nil` when it is not on the curve.
  public init?(p256X x: [UInt8], y: [UInt8]) {
    guard x.count == SignatureKey.coordinateBytes, y.count == SignatureKey.coordinateBytes else { return nil }
    var point = [4] + x + y
    var curve = Array("prime256v1".utf8CString)
    let made = point.withUnsafeMutableBytes { point in
      curve.withUnsafeMutableBufferPointer { curve in
        SignatureKey.make(
          "EC",
          [
            OSSL_PARAM_construct_utf8_string(SignatureKey.name("group"), curve.baseAddress, 0),
            OSSL_PARAM_construct_octet_string(SignatureKey.name("pub"), point.baseAddress, point.count),
          ])
      }
    }
    guard let made else { return nil }
    algorithm = .p256
    key = Handle(pointer: made)
    signatureBytes = 2 * SignatureKey.coordinateBytes
  }

  deinit { EVP_PKEY_free(key.pointer) }

  /// Whether `signature` is this key's for `bytes`. Anything malformed is not.
  public func verifies(_ signature: [UInt8], of bytes: some ContiguousBytesView) -> Bool {
    guard signature.count == signatureBytes, let context = EVP_MD_CTX_new() else { return false }
    defer {
      EVP_MD_CTX_free(context)
      // A signature that is none leaves a reason in the queue of the thread.
      ERR_clear_error()
    }
    guard let encoded = algorithm == .rsa ? signature : SignatureKey.derSignature(signature),
      EVP_DigestVerifyInit(context, nil, EVP_sha256(), nil, key.pointer) == 1
    else { return false }
    return bytes.withBytes {
      EVP_DigestVerify(
        context, encoded, encoded.count, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count) == 1
    }
  }

  /// The form that OpenSSL reads.
  private static func derSignature(_ raw: [UInt8]) -> [UInt8]? {
    guard let signature = ECDSA_SIG_new() else { return nil }
    defer { ECDSA_SIG_free(signature) }
    let half = Int32(coordinateBytes)
    let numbers = raw.withUnsafeBufferPointer { raw in
      (BN_bin2bn(raw.baseAddress, half, nil), BN_bin2bn(raw.baseAddress.map { $0 + coordinateBytes }, half, nil))
    }
    // Who takes them frees them.
    guard let r = numbers.0, let s = numbers.1, ECDSA_SIG_set0(signature, r, s) == 1 else {
      BN_free(numbers.0)
      BN_free(numbers.1)
      return nil
    }
    let count = i2d_ECDSA_SIG(signature, nil)
    guard count > 0 else { return nil }
    var encoded = [UInt8](repeating: 0, count: Int(count))
    let written = encoded.withUnsafeMutableBufferPointer { buffer in
      var output = buffer.baseAddress
      return i2d_ECDSA_SIG(signature, &output)
    }
    return written == count ? encoded : nil
  }

  /// Makes a public key of its numbers, which live as long as the call.
  private static func make(_ kind: StaticString, _ parameters: [OSSL_PARAM]) -> OpaquePointer? {
    guard let context = EVP_PKEY_CTX_new_from_name(nil, name(kind), nil) else { return nil }
    defer {
      EVP_PKEY_CTX_free(context)
      ERR_clear_error()
    }
    var all = parameters + [OSSL_PARAM_construct_end()]
    var key: OpaquePointer?
    guard EVP_PKEY_fromdata_init(context) == 1,
      EVP_PKEY_fromdata(context, &key, cadre_public_key_selection(), &all) == 1, let key
    else { return nil }
    guard let check = EVP_PKEY_CTX_new_from_pkey(nil, key, nil) else {
      EVP_PKEY_free(key)
      return nil
    }
    defer { EVP_PKEY_CTX_free(check) }
    guard EVP_PKEY_public_check_quick(check) == 1 else {
      EVP_PKEY_free(key)
      return nil
    }
    return key
  }

  /// A name for OpenSSL that outlives every call.
  private static func name(_ text: StaticString) -> UnsafePointer<CChar> {
    UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  }
}
