internal import Glibc

/// What went wrong below the protocols.
public struct ReactorError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Code: String, Sendable {
    /// The kernel refused; `errno` says why.
    case system
    /// The connection was closed by us while the operation waited.
    case closed
    /// The peer closed or reset the connection.
    case peerClosed
    /// The deadline passed.
    case timedOut
    /// A host name did not resolve, or an address could not be read.
    case badAddress
    /// A bounded queue was full.
    case overloaded
    /// The owner of the connection took its reader back; the connection goes on.
    case interrupted
    /// Another task reads already.
    case busy
    /// The peer took nothing of what it was sent for too long.
    case stalled
  }

  /// The kind of failure.
  public let code: Code
  /// The operation that failed, for example `connect`.
  public let operation: String
  /// The kernel's error number, 0 when none applies.
  public let errno: Int32

  /// Makes an error.
  public init(_ code: Code, operation: String, errno: Int32 = 0) {
    self.code = code
    self.operation = operation
    self.errno = errno
  }

  /// One sentence without addresses or data.
  public var description: String {
    switch code {
    case .system: "\(operation) failed: \(String(cString: strerror(errno)))"
    case .closed: "\(operation): the connection was closed"
    case .peerClosed: "\(operation): the peer closed the connection"
    case .timedOut: "\(operation) timed out"
    case .badAddress: "\(operation): the address could not be resolved"
    case .overloaded: "\(operation): the queue is full"
    case .interrupted: "\(operation) was interrupted"
    case .busy: "\(operation): another task reads already"
    case .stalled: "\(operation): the peer took nothing for too long"
    }
  }
}
