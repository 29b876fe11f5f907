internal import TLS

/// Why a call to Redis failed.
///
/// The description holds neither keys nor values nor the server's words; `String(reflecting:)` adds the latter.
public struct RedisError: Error, Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible {
  /// The kinds of failure.
  public enum Code: Sendable, Hashable {
    /// The server refused; the first word of its answer, for example `WRONGTYPE`, `NOSCRIPT`, `OOM`, `READONLY`,
    /// `LOADING`.
    case server(String)
    /// The connection ended while the call was in progress.
    case connectionLost
    /// There is no connection now; a new one is being tried.
    case unavailable
    /// The server's certificate is not accepted, so nothing was sent to it.
    case untrusted
    /// The connection could not be secured.
    case tlsFailed
    /// The answer did not come before the deadline.
    case timedOut
    /// Too many commands, or too many bytes of them, wait for their answers.
    case overloaded
    /// The server sent what is not RESP2, or more than the limits allow; the connection was given up.
    case protocolViolation
    /// The answer is not of the kind that was asked for.
    case decoding
    /// The command cannot be sent this way: empty, too large, or one that needs a connection of its own.
    case invalidCommand
    /// The task was cancelled.
    case cancelled
  }

  /// The kind of failure.
  public let code: Code
  /// Whether the server may have executed the command although no answer arrived.
  public let outcomeUnknown: Bool
  /// The message of the server or the system; may contain data, so it is for developers only.
  public let detail: String

  /// Makes an error.
  public init(_ code: Code, outcomeUnknown: Bool = false, detail: String = "") {
    self.code = code
    self.outcomeUnknown = outcomeUnknown
    self.detail = detail
  }

  /// The error of a secured connection.
  init(_ error: TLSError) {
    let code: Code =
      switch error.code {
      case .untrusted: .untrusted
      case .configuration, .handshake: .tlsFailed
      case .stream: .connectionLost
      }
    self.init(code, outcomeUnknown: code != .untrusted, detail: error.detail)
  }

  /// The error for an error reply.
  init(_ reply: RedisServerError) {
    self.init(.server(reply.prefix), detail: reply.message)
  }

  /// A connection is being made for the first time: the call is worth another try in a moment.
  static let connecting = RedisError(.unavailable, detail: "the connection is being made")

  /// The first word of the server's refusal, if it was one.
  public var serverPrefix: String? { if case .server(let prefix) = code { prefix } else { nil } }

  /// Whether the same call may succeed in a moment. Look at `outcomeUnknown` before you repeat a write.
  public var isTransient: Bool {
    switch code {
    case .connectionLost, .unavailable, .timedOut, .overloaded: true
    case .untrusted, .tlsFailed, .protocolViolation, .decoding, .invalidCommand, .cancelled: false
    case .server(let prefix): RedisError.transientPrefixes.contains(prefix)
    }
  }

  private static let transientPrefixes: Set<String> = [
    "BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "OOM", "READONLY", "TRYAGAIN",
  ]

  /// One sentence that says what to do.
  public var description: String {
    switch code {
    case .server(let prefix): "Redis refused the command (\(prefix))"
    case .connectionLost: "the connection to Redis was lost; try again"
    case .unavailable: "Redis cannot be reached; check that it runs at the configured address"
    case .untrusted: "the certificate of Redis is not accepted; check the CA file and the host name"
    case .tlsFailed: "TLS with Redis could not be agreed on; check the port, the TLS files and the client certificate"
    case .timedOut: "Redis did not answer in time"
    case .overloaded: "too many Redis commands are waiting; send fewer at once"
    case .protocolViolation:
      "the server broke the Redis protocol or a reply limit; check the address and the reply limits"
    case .decoding: "a Redis value is not of the expected type"
    case .invalidCommand: "the command cannot be sent on this connection"
    case .cancelled: "the call was cancelled"
    }
  }

  /// With the details.
  public var debugDescription: String { detail.isEmpty ? description : "\(description): \(detail)" }
}
