internal import CTLS

/// The client's side of one secured connection, without sockets: bytes of the peer go in, bytes for the peer come out.
///
/// Not `Sendable`: it belongs to one connection.
public final class TLSSession {
  /// The largest piece of plaintext that a record can hold.
  private static let recordBytesMax = 16 * 1024
  /// Plaintext that is sealed before its records are taken out.
  private static let sealedBytesMax = 64 * 1024

  private let ssl: OpaquePointer
  private let input: OpaquePointer
  private let output: OpaquePointer
  private let plaintext: UnsafeMutableRawBufferPointer
  /// Whether the handshake has ended, so that plaintext may be sealed.
  public private(set) var isEstablished = false

  /// Begins a handshake with `host`, a name or a literal address, which the peer's certificate must have unless the
  /// configuration names another. Throws `configuration`.
  public init(_ context: TLSContext, host: String) throws(TLSError) {
    ERR_clear_error()
    guard let ssl = SSL_new(context.pointer) else { throw TLSError(.configuration, TLSError.lastReason()) }
    guard let input = BIO_new(BIO_s_mem()), let output = BIO_new(BIO_s_mem()) else {
      SSL_free(ssl)
      throw TLSError(.configuration, TLSError.lastReason())
    }
    SSL_set_bio(ssl, input, output)
    self.ssl = ssl
    self.input = input
    self.output = output
    plaintext = UnsafeMutableRawBufferPointer.allocate(byteCount: TLSSession.recordBytesMax, alignment: 1)
    // A failure from here on ends in `deinit`.
    let name = context.serverName ?? host
    let parameters = SSL_get0_param(ssl)
    if X509_VERIFY_PARAM_set1_ip_asc(parameters, name) != 1 {
      ERR_clear_error()
      SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
      guard SSL_set1_host(ssl, name) == 1, cadre_tls_set_server_name(ssl, name) == 1 else {
        throw TLSError(.configuration, "the name of the server")
      }
    }
    SSL_set_connect_state(ssl)
    try advance()
  }

  deinit {
    SSL_free(ssl)
    plaintext.deallocate()
  }

  /// Takes bytes from the peer; `open` gives what they contain. Throws `stream`, or why the handshake failed.
  public func receive(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
    var taken = 0
    while taken < bytes.count {
      var count = 0
      guard BIO_write_ex(input, bytes.baseAddress.map { $0 + taken }, bytes.count - taken, &count) == 1 else {
        throw TLSError(.stream, TLSError.lastReason())
      }
      taken += count
    }
    if !isEstablished { try advance() }
  }

  /// The next piece of plaintext, valid until the next call; `nil` when there is none yet. Throws `stream`.
  public func open() throws(TLSError) -> UnsafeRawBufferPointer? {
    guard isEstablished else { return nil }
    ERR_clear_error()
    var count = 0
    let result = SSL_read_ex(ssl, plaintext.baseAddress, plaintext.count, &count)
    if result == 1 { return UnsafeRawBufferPointer(rebasing: plaintext[..<count]) }
    switch SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_ZERO_RETURN: return nil
    default:
      // With TLS 1.3 the server refuses a client certificate after our side of the handshake has ended.
      let isRefusal = TLSError.isAlert(ERR_peek_error())
      throw TLSError(isRefusal ? .handshake : .stream, TLSError.lastReason())
    }
  }

  /// Seals plaintext once the session is established; `deliver` gets the records, and whatever else waits for the peer.
  /// Throws `stream`.
  public func seal(
    _ bytes: UnsafeRawBufferPointer, _ deliver: (UnsafeRawBufferPointer) -> Void
  ) throws(TLSError) {
    ERR_clear_error()
    var sealed = 0
    while sealed < bytes.count {
      var count = 0
      let piece = min(TLSSession.sealedBytesMax, bytes.count - sealed)
      guard SSL_write_ex(ssl, bytes.baseAddress.map { $0 + sealed }, piece, &count) == 1 else {
        throw TLSError(.stream, TLSError.lastReason())
      }
      sealed += count
      takeOutput(deliver)
    }
  }

  /// Whether something waits for the peer.
  public var hasOutput: Bool { BIO_ctrl_pending(output) > 0 }

  /// Gives what waits for the peer.
  public func takeOutput(_ deliver: (UnsafeRawBufferPointer) -> Void) {
    var start: UnsafeRawPointer?
    let count = cadre_tls_waiting(output, &start)
    guard count > 0, let start else { return }
    deliver(UnsafeRawBufferPointer(start: start, count: count))
    cadre_tls_reset(output)
  }

  private func advance() throws(TLSError) {
    ERR_clear_error()
    let result = SSL_do_handshake(ssl)
    if result == 1 {
      isEstablished = true
      return
    }
    guard SSL_get_error(ssl, result) != SSL_ERROR_WANT_READ else { return }
    let verdict = SSL_get_verify_result(ssl)
    guard verdict == Int(X509_V_OK) else {
      ERR_clear_error()
      throw TLSError(.untrusted, String(cString: X509_verify_cert_error_string(verdict)))
    }
    throw TLSError(.handshake, TLSError.lastReason())
  }
}
