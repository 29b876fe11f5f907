internal import CTLS

/// What the sessions of one configuration share: the trusted authorities and the client's certificate.
///
/// Making one reads files, so it belongs on a thread that may block. TLS 1.2 is the least; the server is always
/// verified.
///
/// `@unchecked Sendable`: configured before it is shared and only read afterwards; OpenSSL counts references and locks
/// what its sessions share.
public final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let serverName: String?

  /// Reads the files. Throws `configuration`.
  public init(_ configuration: TLSConfiguration) throws(TLSError) {
    ERR_clear_error()
    guard let pointer = SSL_CTX_new(TLS_client_method()) else { throw TLSError(.configuration, TLSError.lastReason()) }
    self.pointer = pointer
    serverName = configuration.serverName
    SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
    guard cadre_tls_set_min_version(pointer, TLS1_2_VERSION) == 1 else {
      throw TLSError(.configuration, TLSError.lastReason())
    }
    if let file = configuration.caFile {
      guard SSL_CTX_load_verify_file(pointer, file) == 1 else { throw TLSContext.fault(in: file) }
    } else {
      guard SSL_CTX_set_default_verify_paths(pointer) == 1 else {
        throw TLSError(.configuration, TLSError.lastReason())
      }
    }
    if let file = configuration.certificateFile {
      guard SSL_CTX_use_certificate_chain_file(pointer, file) == 1 else { throw TLSContext.fault(in: file) }
      let key = configuration.keyFile ?? file
      guard SSL_CTX_use_PrivateKey_file(pointer, key, SSL_FILETYPE_PEM) == 1, SSL_CTX_check_private_key(pointer) == 1
      else { throw TLSContext.fault(in: key) }
    }
  }

  deinit { SSL_CTX_free(pointer) }

  private static func fault(in file: String) -> TLSError {
    TLSError(.configuration, "\(file): \(TLSError.lastReason())")
  }
}
