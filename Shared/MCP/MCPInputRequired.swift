public import JSON

/// A result that asks for input first (2026-07-28): the same request is sent again with the answers.
public struct MCPInputRequired: Sendable {
  /// One request for input.
  public struct Input: Sendable {
    /// The server's name of it.
    public let key: String
    /// `elicitation/create`, `sampling/createMessage` or `roots/list`.
    public let method: String
    /// Its parameters.
    public let params: JSONView?
  }

  /// What is asked for; empty when the request may simply be sent again.
  public let inputs: [Input]
  /// Goes back as it came.
  public let requestState: String?

  /// Reads a result; `nil` when it does not ask for input.
  public init?(_ result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    let object = try MCPObject(result, at: "result", limits)
    guard let type = try object.string("resultType", bytesMax: 64), type != "complete" else { return nil }
    guard type == "input_required" else { throw object.fault("resultType", "is neither complete nor input_required") }
    requestState = try object.string("requestState", bytesMax: limits.requestStateBytesMax)
    guard let requests = try object.object("inputRequests") else {
      inputs = []
      guard requestState != nil else { throw object.fault("", "has neither inputRequests nor requestState") }
      return
    }
    guard requests.view.count <= limits.inputRequestsMax else {
      throw object.fault("inputRequests", "has more than \(limits.inputRequestsMax) members")
    }
    var inputs: [Input] = []
    for (key, value) in requests.view.members {
      guard let name = key.string, name.utf8.count <= limits.nameBytesMax else {
        throw object.fault("inputRequests", "has a key of more than \(limits.nameBytesMax) bytes")
      }
      let request = try MCPObject(value, at: "result.inputRequests.\(MCPText.plain(name, bytesMax: 64))", limits)
      inputs.append(
        Input(
          key: name, method: try request.requiredString("method", bytesMax: limits.methodBytesMax),
          params: try request.object("params")?.view))
    }
    self.inputs = inputs
  }
}
