public import JSON

/// Parameters of `notifications/progress`.
public struct MCPProgress: Hashable, Sendable {
  /// The token that the request carried.
  public let token: MCPRequestID
  /// How far it is.
  public let progress: Double
  /// How far it will be at the end.
  public let total: Double?
  /// What is being done.
  public let message: String?

  /// Makes one.
  public init(token: MCPRequestID, progress: Double, total: Double? = nil, message: String? = nil) {
    self.token = token
    self.progress = progress
    self.total = total
    self.message = message
  }

  /// Reads the parameters.
  public init(params: JSONView?, limits: MCPLimits = .standard) throws(MCPError) {
    guard let params else { throw MCPError(.invalidResult, "notifications/progress has no params") }
    let object = try MCPObject(params, at: "params", limits)
    guard let value = object.value("progressToken"), let token = MCPRequestID(value, bytesMax: limits.idBytesMax)
    else { throw object.fault("progressToken", "is missing or no token") }
    guard let progress = object.value("progress")?.double else { throw object.fault("progress", "is no number") }
    self.token = token
    self.progress = progress
    if let value = object.value("total") {
      guard let total = value.double else { throw object.fault("total", "is no number") }
      self.total = total
    } else {
      total = nil
    }
    message = try object.text("message", bytesMax: limits.errorMessageBytesMax)
  }

  /// Writes the members of the parameters.
  public func write(to writer: inout JSONWriter) {
    writer.key("progressToken")
    token.write(to: &writer)
    writer.member("progress", progress)
    if let total { writer.member("total", total) }
    writer.member("message", ifPresent: message)
  }
}
