internal import COpenSSL

/// Comparison of secrets.
public enum Secrets {
  /// Compares in time that depends on the lengths only.
  public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}
