/// Codes of JSON-RPC errors. Codes of servers are open-ended, so they travel as numbers.
public enum MCPErrorCode {
  /// No JSON.
  public static let parseError: Int64 = -32700
  /// No valid message.
  public static let invalidRequest: Int64 = -32600
  /// The method is unknown.
  public static let methodNotFound: Int64 = -32601
  /// The parameters do not fit, or name something that does not exist.
  public static let invalidParams: Int64 = -32602
  /// A fault inside the server.
  public static let internalError: Int64 = -32603
  /// Headers and body disagree (2026-07-28).
  public static let headerMismatch: Int64 = -32020
  /// The client must have a capability that it did not declare (2026-07-28).
  public static let missingClientCapability: Int64 = -32021
  /// The revision is not supported (2026-07-28).
  public static let unsupportedVersion: Int64 = -32022
  /// The resource does not exist (before 2026-07-28).
  public static let resourceNotFound: Int64 = -32002

  /// Codes that only a server of revision 2026-07-28 or later sends.
  public static func isModern(_ code: Int64) -> Bool {
    code == headerMismatch || code == missingClientCapability || code == unsupportedVersion
  }
}
