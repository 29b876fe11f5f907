internal import COpenSSL
internal import Glibc

/// Algorithms of OpenSSL, looked up once for the process.
///
/// A look-up can fail by chance while another thread loads a provider of algorithms, as libraries beside us do
/// (https://github.com/openssl/openssl/issues/17633). So a look-up that fails is made again.
enum OpenSSLMethods {
  /// `@unchecked Sendable`: a method never changes, and OpenSSL shares it between threads.
  struct Digest: @unchecked Sendable { let pointer: OpaquePointer? }

  static let sha256 = digest("SHA256")
  static let sha1 = digest("SHA1")
  static let sha384 = digest("SHA384")
  static let sha512 = digest("SHA512")
  static let md5 = digest("MD5")

  private static let triesMax = 1000

  private static func digest(_ name: String) -> Digest {
    var found: OpaquePointer?
    _ = succeeds {
      found = EVP_MD_fetch(nil, name, nil)
      return found != nil
    }
    return Digest(pointer: found)
  }

  /// Calls until it succeeds, a bounded number of times.
  static func succeeds(_ call: () -> Bool) -> Bool {
    for _ in 0..<triesMax {
      if call() { return true }
      ERR_clear_error()
      sched_yield()
    }
    return false
  }
}
