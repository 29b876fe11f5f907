internal import COpenSSL

/// Keys and their comparison.
public enum Secrets {
  /// Random bytes from OpenSSL's generator, for keys and tokens.
  public static func random(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      // Nothing may go on with secrets that can be guessed.
      precondition(RAND_bytes(buffer.baseAddress, Int32(count)) == 1, "no randomness")
      filled = count
    }
  }

  /// Compares in time that depends on the lengths only.
  public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
  }
}
