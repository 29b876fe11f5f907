/// What went wrong between a client and a server. The message never holds headers, environment or arguments.
public struct MCPError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Who is at fault.
  public enum Kind: String, CaseIterable, Sendable {
    /// The other side broke the protocol, or both have no revision in common.
    case `protocol`
    /// The other side cannot be reached, went away or did not answer in time.
    case connection
    /// The request was understood and failed: bad arguments, a fault inside the tool, a refusal.
    case tool
  }

  /// Who is at fault.
  public let kind: Kind
  /// What happened.
  public let reason: MCPErrorReason
  /// A sentence for people and models, without control characters.
  public let message: String
  /// The code of the JSON-RPC error that was received, or that a server should answer with.
  public let rpcCode: Int64?

  /// Makes an error; its kind is that of the reason.
  public init(_ reason: MCPErrorReason, _ message: String, rpcCode: Int64? = nil) {
    self.kind = reason.kind
    self.reason = reason
    self.message = MCPText.plain(message, bytesMax: MCPLimits.standard.errorMessageBytesMax)
    self.rpcCode = rpcCode
  }

  /// Kind, reason and message.
  public var description: String { "\(kind.rawValue) error (\(reason.rawValue)): \(message)" }
}
