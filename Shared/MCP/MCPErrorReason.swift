/// The stable reasons of errors; the raw values stand in metrics, histories and reports.
public enum MCPErrorReason: String, CaseIterable, Sendable {
  // protocol
  /// Bytes that are no JSON, or beyond the limits of depth and count.
  case invalidJSON = "invalid_json"
  /// JSON that is no message of JSON-RPC 2.0.
  case invalidMessage = "invalid_message"
  /// A message longer than its limit.
  case messageTooLarge = "message_too_large"
  /// A result or notification that does not have the form its method promises.
  case invalidResult = "invalid_result"
  /// An answer to a request that nobody has sent, or a second answer.
  case unknownResponse = "unknown_response"
  /// No revision in common.
  case unsupportedVersion = "unsupported_version"
  /// The server does not know the method.
  case methodNotFound = "method_not_found"
  /// Pages of a list that never end, or a cursor that comes again.
  case endlessList = "endless_list"
  /// More messages than the other side may send within its time.
  case tooManyMessages = "too_many_messages"
  /// Something that this client has not offered, such as sampling.
  case notOffered = "not_offered"
  /// Structured content that does not fit the tool's own output schema.
  case outputSchema = "output_schema"

  // connection
  /// The program cannot be started.
  case cannotStart = "cannot_start"
  /// Nothing listens there, the name is unknown, or TLS failed.
  case cannotConnect = "cannot_connect"
  /// The address is none that this platform may connect to.
  case refusedAddress = "refused_address"
  /// The program ended or the connection broke in the middle.
  case closed
  /// No answer within the deadline.
  case timedOut = "timed_out"
  /// A status of HTTP that is no answer of the protocol.
  case httpStatus = "http_status"
  /// The session was lost and could not be opened anew.
  case sessionLost = "session_lost"
  /// Too many calls wait for this server.
  case overloaded
  /// The circuit breaker is open: the server failed too often.
  case unavailable
  /// The caller gave up.
  case cancelled

  // tool
  /// The server answered with an error.
  case refused
  /// The result says that the tool failed.
  case failed
  /// The arguments do not fit.
  case invalidArguments = "invalid_arguments"
  /// The server asks a person for something, and this call cannot wait for the answer.
  case inputRequired = "input_required"
  /// The definition is not the one that was approved.
  case notApproved = "not_approved"

  /// Who is at fault.
  public var kind: MCPError.Kind {
    switch self {
    case .invalidJSON, .invalidMessage, .messageTooLarge, .invalidResult, .unknownResponse, .unsupportedVersion,
      .methodNotFound, .endlessList, .tooManyMessages, .notOffered, .outputSchema:
      .protocol
    case .cannotStart, .cannotConnect, .refusedAddress, .closed, .timedOut, .httpStatus, .sessionLost, .overloaded,
      .unavailable, .cancelled:
      .connection
    case .refused, .failed, .invalidArguments, .inputRequired, .notApproved: .tool
    }
  }
}
