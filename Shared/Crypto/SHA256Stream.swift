internal import COpenSSL

/// SHA-256 of bytes that come in pieces. It cannot be copied: one stream has one digest.
public struct SHA256Stream: ~Copyable {
  private static let digestBytes = 32

  private let context: OpaquePointer

  /// Begins a digest.
  public init() {
    // OpenSSL fails here only without memory or without the algorithm; nothing may go on without a digest.
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, OpenSSLMethods.sha256.pointer, nil) == 1 else {
      // No input reaches it: a library without SHA-256 has none for any bytes.
      preconditionFailure("OpenSSL has no SHA-256")
    }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Adds bytes.
  public mutating func update(_ bytes: some ContiguousBytesView) {
    let done = bytes.withBytes { EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    // As above: nothing may go on with a wrong digest.
    precondition(done == 1, "OpenSSL made no digest")
  }

  /// Ends the digest, 32 bytes.
  public consuming func finish() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: SHA256Stream.digestBytes) { buffer, count in
      var written: UInt32 = 0
      let done = EVP_DigestFinal_ex(context, buffer.baseAddress, &written)
      // As above: nothing may go on without a digest.
      precondition(done == 1 && Int(written) == SHA256Stream.digestBytes, "OpenSSL made no digest")
      count = SHA256Stream.digestBytes
    }
  }
}
