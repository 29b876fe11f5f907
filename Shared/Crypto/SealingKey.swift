internal import COpenSSL

/// Encrypts and authenticates short texts with AES-256-GCM. What was sealed with some context opens only with the same
/// context, so that it cannot be moved to another place.
public struct SealingKey: Sendable {
  /// Bytes of a key.
  public static let keyBytes = 32
  /// Bytes that sealing adds: the nonce in front, the tag at the end.
  public static let overheadBytes = nonceBytes + tagBytes
  /// Bytes that one call seals.
  public static let plainBytesMax = 1 << 20

  private static let nonceBytes = 12
  private static let tagBytes = 16

  private let key: [UInt8]

  /// Takes a key of 32 bytes; `nil` for another length.
  public init?(_ key: [UInt8]) {
    guard key.count == SealingKey.keyBytes else { return nil }
    self.key = key
  }

  /// Seals bytes under a fresh random nonce; `nil` when they are too many or the library fails.
  public func seal(_ plain: [UInt8], context: [UInt8]) -> [UInt8]? {
    guard plain.count <= SealingKey.plainBytesMax, context.count <= SealingKey.plainBytesMax else { return nil }
    var nonce = [UInt8](repeating: 0, count: SealingKey.nonceBytes)
    guard RAND_bytes(&nonce, Int32(nonce.count)) == 1, let cipher = EVP_CIPHER_CTX_new() else { return nil }
    defer { EVP_CIPHER_CTX_free(cipher) }
    var sealed = [UInt8](repeating: 0, count: plain.count)
    var tag = [UInt8](repeating: 0, count: SealingKey.tagBytes)
    var count: Int32 = 0
    var last = [UInt8](repeating: 0, count: 16)
    guard EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), nil, key, nonce) == 1,
      context.isEmpty || EVP_EncryptUpdate(cipher, nil, &count, context, Int32(context.count)) == 1,
      plain.isEmpty || EVP_EncryptUpdate(cipher, &sealed, &count, plain, Int32(plain.count)) == 1,
      EVP_EncryptFinal_ex(cipher, &last, &count) == 1,
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, Int32(tag.count), &tag) == 1
    else { return nil }
    return nonce + sealed + tag
  }

  /// The bytes that were sealed; `nil` when key or context are others, or a bit was changed.
  public func open(_ sealed: [UInt8], context: [UInt8]) -> [UInt8]? {
    let length = sealed.count - SealingKey.overheadBytes
    guard (0...SealingKey.plainBytesMax).contains(length), context.count <= SealingKey.plainBytesMax,
      let cipher = EVP_CIPHER_CTX_new()
    else { return nil }
    defer { EVP_CIPHER_CTX_free(cipher) }
    let nonce = Array(sealed.prefix(SealingKey.nonceBytes))
    let body = Array(sealed.dropFirst(SealingKey.nonceBytes).prefix(length))
    var tag = Array(sealed.suffix(SealingKey.tagBytes))
    var plain = [UInt8](repeating: 0, count: length)
    var last = [UInt8](repeating: 0, count: 16)
    var count: Int32 = 0
    guard EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), nil, key, nonce) == 1,
      context.isEmpty || EVP_DecryptUpdate(cipher, nil, &count, context, Int32(context.count)) == 1,
      body.isEmpty || EVP_DecryptUpdate(cipher, &plain, &count, body, Int32(body.count)) == 1,
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), &tag) == 1,
      EVP_DecryptFinal_ex(cipher, &last, &count) == 1
    else { return nil }
    return plain
  }
}
