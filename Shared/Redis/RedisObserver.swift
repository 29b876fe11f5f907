/// How a command ended; a bounded set, fit for a metric's label.
public enum RedisOutcome: String, Sendable, Hashable, CaseIterable {
  /// It was answered.
  case ok
  /// The server refused.
  case serverError = "server_error"
  /// The connection ended first.
  case connectionLost = "connection_lost"
  /// There was no connection.
  case unavailable
  /// The deadline passed first.
  case timedOut = "timed_out"
  /// Too many commands or bytes were in flight.
  case overloaded
  /// The server broke the protocol.
  case protocolViolation = "protocol_violation"
  /// The command was not fit to be sent, or its answer not fit to be read.
  case invalid
  /// The task was cancelled first.
  case cancelled

  init(_ error: RedisError) {
    self =
      switch error.code {
      case .server: .serverError
      case .connectionLost: .connectionLost
      case .unavailable, .untrusted, .tlsFailed: .unavailable
      case .timedOut: .timedOut
      case .overloaded: .overloaded
      case .protocolViolation: .protocolViolation
      case .decoding, .invalidCommand: .invalid
      case .cancelled: .cancelled
      }
  }
}

/// Receives what is measured of the client. Called on the event loops, so it must not block; every method does nothing
/// by default.
public protocol RedisObserver: Sendable {
  /// A command has ended for its caller after `nanoseconds`; `inFlight` more are unanswered on its connection.
  func commandFinished(_ name: RedisCommandName, nanoseconds: UInt64, outcome: RedisOutcome, inFlight: Int)
  /// A connection was made and is usable.
  func connected()
  /// A connection could not be made.
  func connectFailed(_ error: RedisError)
  /// A connection ended; `error` says why.
  func disconnected(_ error: RedisError)
  /// A node of a cluster has sent a command elsewhere, or later.
  func redirected(_ kind: RedisRedirect)
  /// A master, or who serves some of a cluster's slots, has changed.
  func topologyChanged()
}

/// What a node of a cluster has answered instead of executing a command; a bounded set, fit for a metric's label.
public enum RedisRedirect: String, Sendable, Hashable, CaseIterable {
  /// The slot belongs to another node.
  case moved
  /// The slot is on its way to another node.
  case ask
  /// The keys of the command are on two nodes for now.
  case tryAgain = "try_again"
  /// Nobody serves the slot.
  case clusterDown = "cluster_down"
}

extension RedisObserver {
  /// Does nothing.
  public func commandFinished(_ name: RedisCommandName, nanoseconds: UInt64, outcome: RedisOutcome, inFlight: Int) {}
  /// Does nothing.
  public func connected() {}
  /// Does nothing.
  public func connectFailed(_ error: RedisError) {}
  /// Does nothing.
  public func disconnected(_ error: RedisError) {}
  /// Does nothing.
  public func redirected(_ kind: RedisRedirect) {}
  /// Does nothing.
  public func topologyChanged() {}
}
