internal import CTLS

/// Why a connection cannot be secured. It names files and OpenSSL's reasons, never what was sent.
public struct TLSError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: Sendable, Hashable {
    /// A file of the configuration cannot be read or used.
    case configuration
    /// The certificate of the server is not accepted: unknown authority, another name, not valid now.
    case untrusted
    /// The peer does not speak TLS, or not with us.
    case handshake
    /// The secured stream is broken.
    case stream
  }

  /// The kind of failure.
  public let code: Code
  /// The reason in OpenSSL's words.
  public let detail: String

  /// One sentence that says what to do.
  public var description: String {
    switch code {
    case .configuration: "a TLS file cannot be used (\(detail))"
    case .untrusted: "the server's certificate is not accepted (\(detail)); check the CA file and the host name"
    case .handshake: "TLS could not be agreed on (\(detail)); check the port and the client certificate"
    case .stream: "the TLS stream is broken (\(detail))"
    }
  }

  init(_ code: Code, _ detail: String) {
    self.code = code
    self.detail = detail
  }

  /// Whether an error is an alert that the peer has sent: reasons from 1000 on in OpenSSL.
  static func isAlert(_ code: UInt) -> Bool { (1000..<1256).contains(code & UInt(ERR_REASON_MASK)) }

  private static let reasonBytesMax = 256

  /// The oldest error of this thread's queue, which is emptied.
  static func lastReason() -> String {
    let code = ERR_get_error()
    ERR_clear_error()
    guard code != 0 else { return "the connection was closed" }
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: reasonBytesMax) { buffer in
      guard let reason = ERR_reason_error_string(code) else {
        ERR_error_string_n(code, buffer.baseAddress, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      return String(cString: reason)
    }
  }
}
