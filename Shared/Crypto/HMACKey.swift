internal import COpenSSL
internal import Synchronization

/// A key for HMAC-SHA-256 that is used often: what depends on the key alone is computed once.
public final class HMACKey: Sendable {
  private static let digestBytes = 32
  private static let digestParameter: StaticString = "digest"

  /// The name of the parameter. OpenSSL keeps the pointer, so it is none of a text that Swift makes for a call.
  private static var parameter: UnsafePointer<CChar> {
    UnsafeRawPointer(digestParameter.utf8Start).assumingMemoryBound(to: CChar.self)
  }

  /// `@unchecked Sendable`: used only by who holds the lock around it.
  private struct Context: @unchecked Sendable { let pointer: OpaquePointer }

  private let context: Mutex<Context>

  /// Prepares a key.
  public init(_ key: [UInt8]) {
    // OpenSSL fails here only without memory or without the algorithm; nothing may go on without a digest.
    var fetched: OpaquePointer?
    _ = OpenSSLMethods.succeeds {
      fetched = EVP_MAC_fetch(nil, "HMAC", nil)
      return fetched != nil
    }
    guard let algorithm = fetched, let context = EVP_MAC_CTX_new(algorithm) else {
      // No input reaches it: a library without HMAC has none for any key.
      preconditionFailure("OpenSSL has no HMAC")
    }
    EVP_MAC_free(algorithm)
    var name = Array("SHA256".utf8CString)
    let isReady = name.withUnsafeMutableBufferPointer { name in
      let parameters = [
        OSSL_PARAM_construct_utf8_string(HMACKey.parameter, name.baseAddress, 0), OSSL_PARAM_construct_end(),
      ]
      // It looks the digest up by its name.
      return OpenSSLMethods.succeeds { EVP_MAC_init(context, key, key.count, parameters) == 1 }
    }
    // As above: any bytes are a key.
    precondition(isReady, "OpenSSL took no key")
    self.context = Mutex(Context(pointer: context))
  }

  deinit { context.withLock { EVP_MAC_CTX_free($0.pointer) } }

  /// The code of `bytes`, 32 bytes.
  public func code(_ bytes: some ContiguousBytesView) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: HMACKey.digestBytes) { buffer, count in
      var written = 0
      let output = buffer.baseAddress
      let isDone = bytes.withBytes { bytes in
        context.withLock { context in
          // Without a key, the context begins anew with the one it has.
          EVP_MAC_init(context.pointer, nil, 0, nil) == 1
            && EVP_MAC_update(context.pointer, bytes.baseAddress, bytes.count) == 1
            && EVP_MAC_final(context.pointer, output, &written, HMACKey.digestBytes) == 1
        }
      }
      // As above: nothing may go on without a digest.
      precondition(isDone && written == HMACKey.digestBytes, "OpenSSL made no digest")
      count = HMACKey.digestBytes
    }
  }
}
