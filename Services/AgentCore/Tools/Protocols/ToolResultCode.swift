/// The kinds of result that are no plain success. Executors may have codes of their own; metrics know these only and
/// count others as `tool_failed`.
public enum ToolResultCode: String, Sendable, CaseIterable {
  /// No tool of this name is offered to the step.
  case unknownTool = "unknown_tool"
  /// The arguments are no JSON object or break the tool's schema.
  case invalidArguments = "invalid_arguments"
  /// The policy forbids the call.
  case denied
  /// A person has refused the call.
  case rejected
  /// Nobody has answered in time.
  case expired
  /// The call waits for a person.
  case waiting
  /// The tool failed repeatedly and is not called for a while.
  case circuitOpen = "circuit_open"
  /// The time of the call or of the step was over.
  case timedOut = "timed_out"
  /// What the tool needs could not be reached.
  case unreachable
  /// What the tool needs is not installed or not configured.
  case unavailable
  /// The tool ran and says that it failed.
  case toolFailed = "tool_failed"
  /// The other side sent something that is not what its protocol says.
  case protocolViolation = "protocol_violation"
  /// A limit of size, count or cost was reached.
  case tooLarge = "too_large"
  /// An address that must not be reached.
  case addressRefused = "address_refused"
  /// What was named does not exist.
  case notFound = "not_found"
  /// Other failures inside the platform.
  case internalError = "internal_error"

  /// Whether it is a reason to stop calling the tool for a while: the fault is the tool's or its server's, and
  /// another call would probably meet it again.
  public var countsAsOutage: Bool {
    switch self {
    case .timedOut, .unreachable, .protocolViolation, .internalError: true
    default: false
    }
  }
}
