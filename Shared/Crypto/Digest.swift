internal import COpenSSL

/// Message digests by OpenSSL.
public enum Digest {
  /// SHA-256, 32 bytes.
  public static func sha256(_ bytes: some ContiguousBytesView) -> [UInt8] { hash(bytes, OpenSSLMethods.sha256, 32) }

  /// SHA-1, 20 bytes: only for protocols that fix it (WebSocket handshakes), never for security.
  public static func sha1(_ bytes: some ContiguousBytesView) -> [UInt8] { hash(bytes, OpenSSLMethods.sha1, 20) }

  /// HMAC-SHA-256, 32 bytes.
  public static func hmacSHA256(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
      var size: UInt32 = 0
      let isDone = OpenSSLMethods.succeeds {
        HMAC(
          OpenSSLMethods.sha256.pointer, key, Int32(clamping: key.count), bytes, bytes.count, buffer.baseAddress, &size)
          != nil
      }
      // OpenSSL fails here only without memory or without the algorithm; nothing may go on without a digest.
      precondition(isDone && size == 32, "OpenSSL made no digest")
      count = 32
    }
  }

  /// HMAC-SHA-1, 20 bytes: only for protocols that fix it (one-time codes).
  public static func hmacSHA1(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
      var size: UInt32 = 0
      let isDone = OpenSSLMethods.succeeds {
        HMAC(
          OpenSSLMethods.sha1.pointer, key, Int32(clamping: key.count), bytes, bytes.count, buffer.baseAddress, &size)
          != nil
      }
      // As above: nothing may go on without a digest.
      precondition(isDone && size == 20, "OpenSSL made no digest")
      count = 20
    }
  }

  private static func hash(_ bytes: some ContiguousBytesView, _ kind: OpenSSLMethods.Digest, _ size: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      var written: UInt32 = 0
      let done = bytes.withBytes {
        EVP_Digest($0.baseAddress, $0.count, buffer.baseAddress, &written, kind.pointer, nil)
      }
      // OpenSSL fails here only without memory or without the algorithm; nothing may go on without a digest.
      precondition(done == 1 && Int(written) == size, "OpenSSL made no digest")
      count = size
    }
  }
}

/// Bytes that lie in one piece.
public protocol ContiguousBytesView {
  /// Lends the bytes to `body`.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result
}

extension Array: ContiguousBytesView where Element == UInt8 {
  /// Lends the array's storage.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { withUnsafeBytes(body) }
}

extension ArraySlice: ContiguousBytesView where Element == UInt8 {
  /// Lends the slice's storage.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { withUnsafeBytes(body) }
}
