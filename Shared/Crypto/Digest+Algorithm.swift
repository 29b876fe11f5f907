internal import COpenSSL

extension Digest {
  /// Digests that a protocol or a policy asks for by name.
  public enum Algorithm: Sendable, CaseIterable {
    /// 16 bytes: only where it is fixed, never for security.
    case md5
    /// 20 bytes: only where it is fixed, never for security.
    case sha1
    /// 32 bytes.
    case sha256
    /// 48 bytes.
    case sha384
    /// 64 bytes.
    case sha512

    /// The bytes of a digest.
    public var byteCount: Int {
      switch self {
      case .md5: 16
      case .sha1: 20
      case .sha256: 32
      case .sha384: 48
      case .sha512: 64
      }
    }

    fileprivate var method: OpenSSLMethods.Digest {
      switch self {
      case .md5: OpenSSLMethods.md5
      case .sha1: OpenSSLMethods.sha1
      case .sha256: OpenSSLMethods.sha256
      case .sha384: OpenSSLMethods.sha384
      case .sha512: OpenSSLMethods.sha512
      }
    }
  }

  /// The digest of bytes; `nil` where OpenSSL lacks the algorithm, as it may lack MD5 where only approved ones count.
  public static func hash(_ bytes: [UInt8], by algorithm: Algorithm) -> [UInt8]? {
    guard let method = algorithm.method.pointer else { return nil }
    var digest = [UInt8](repeating: 0, count: algorithm.byteCount)
    guard EVP_MD_get_size(method) == Int32(digest.count), EVP_Digest(bytes, bytes.count, &digest, nil, method, nil) == 1
    else { return nil }
    return digest
  }

  /// The HMAC of bytes; `nil` where OpenSSL lacks the algorithm.
  public static func hmac(_ bytes: [UInt8], key: [UInt8], by algorithm: Algorithm) -> [UInt8]? {
    guard let method = algorithm.method.pointer, key.count <= Int(Int32.max) else { return nil }
    var digest = [UInt8](repeating: 0, count: algorithm.byteCount)
    guard EVP_MD_get_size(method) == Int32(digest.count),
      HMAC(method, key, Int32(clamping: key.count), bytes, bytes.count, &digest, nil) != nil
    else { return nil }
    return digest
  }
}
