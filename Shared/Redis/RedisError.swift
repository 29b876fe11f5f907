/// What went wrong in a call to Redis. `description` never holds keys or values; `debugDescription` has the server's words.
public struct RedisError: Error, Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
  /// The kinds of failure.
  public enum Code: Sendable, Hashable {
    /// The server refused; the first word of its error reply, for example `WRONGTYPE` or `NOSCRIPT`.
    case server(String)
    /// The connection ended while the call was in progress.
    case connectionLost
    /// There is no connection now; nothing was sent.
    case unavailable
    /// The deadline passed.
    case timedOut
    /// Too many calls or bytes wait on this event loop; nothing was sent.
    case overloaded
    /// The server sent something that is not RESP2 or is beyond a limit; the connection was closed.
    case protocolViolation
    /// The command changes the state of the connection or blocks it, and the connection is shared; nothing was sent.
    case unsupportedCommand
    /// A reply is not of the kind that was asked for.
    case decoding
  }

  /// The kind of failure.
  public let code: Code
  /// Whether the server may have done what was asked.
  public let outcomeUnknown: Bool
  /// Further words; they may hold data, so they are shown to developers only.
  public let detail: String

  /// Makes an error.
  public init(_ code: Code, outcomeUnknown: Bool = false, detail: String = "") {
    self.code = code
    self.outcomeUnknown = outcomeUnknown
    self.detail = detail
  }

  /// The first word of the server's error reply, when it refused.
  public var serverPrefix: String? { if case .server(let prefix) = code { prefix } else { nil } }

  /// Whether the same call may succeed in a moment. See `outcomeUnknown` before repeating what is not idempotent.
  public var isTransient: Bool {
    switch code {
    case .connectionLost, .unavailable, .timedOut, .overloaded: true
    case .protocolViolation, .unsupportedCommand, .decoding: false
    case .server(let prefix):
      ["LOADING", "BUSY", "TRYAGAIN", "CLUSTERDOWN", "MASTERDOWN", "READONLY", "NOREPLICAS"].contains(prefix)
    }
  }

  /// One sentence.
  public var description: String {
    switch code {
    case .server(let prefix): "Redis refused the command (\(prefix))"
    case .connectionLost: "the connection to Redis was lost"
    case .unavailable: "Redis cannot be reached"
    case .timedOut: "Redis did not answer in time"
    case .overloaded: "too many Redis calls are waiting"
    case .protocolViolation: "Redis sent a reply that breaks the protocol"
    case .unsupportedCommand: "the command cannot be sent on a shared connection"
    case .decoding: "a reply from Redis is not of the expected type"
    }
  }

  /// With the details.
  public var debugDescription: String { detail.isEmpty ? description : "\(description): \(detail)" }

  /// Longest first word of an error reply that is taken for its kind.
  private static let prefixBytesMax = 24

  /// The error of an error reply: its first word when that is in capitals, as Redis promises, otherwise `ERR`.
  init(reply: UnsafeRawBufferPointer) {
    let word = reply.prefix { $0 != UInt8(ascii: " ") }
    let isKind =
      !word.isEmpty && word.count <= RedisError.prefixBytesMax
      && word.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) || $0 == UInt8(ascii: "_") }
    let prefix = isKind ? String(decoding: word, as: UTF8.self) : "ERR"
    self.init(.server(prefix), detail: String(decoding: reply, as: UTF8.self))
  }
}
