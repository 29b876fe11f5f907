public import JSON

/// One message of JSON-RPC 2.0. Parameters and results are views into the text that was read.
public enum MCPMessage: Sendable {
  /// Asks for an answer.
  case request(MCPRequest)
  /// Asks for none.
  case notification(MCPNotification)
  /// The answer to a request.
  case response(id: MCPRequestID, result: JSONView)
  /// The failure of a request; without an id when the other side could not read one.
  case failure(id: MCPRequestID?, error: MCPErrorObject)
}

/// A request.
public struct MCPRequest: Sendable {
  /// The id, unique among the requests of its direction.
  public let id: MCPRequestID
  /// What is asked for.
  public let method: String
  /// An object; `nil` when there is none.
  public let params: JSONView?

  /// Makes a request.
  public init(id: MCPRequestID, method: String, params: JSONView?) {
    self.id = id
    self.method = method
    self.params = params
  }
}

/// A message that nobody answers.
public struct MCPNotification: Sendable {
  /// What has happened.
  public let method: String
  /// An object; `nil` when there is none.
  public let params: JSONView?

  /// Makes a notification.
  public init(method: String, params: JSONView?) {
    self.method = method
    self.params = params
  }
}

/// The `error` of a failure.
public struct MCPErrorObject: Sendable {
  /// The code.
  public let code: Int64
  /// A sentence, without control characters.
  public let message: String
  /// More about it, of any form.
  public let data: JSONView?

  /// Makes an error object.
  public init(code: Int64, message: String, data: JSONView? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  /// The revisions that a server says it supports in an answer of code -32022; at most 32.
  public var supportedRevisions: [String] {
    guard let list = data?["supported"], list.kind == .array else { return [] }
    return list.elements.prefix(32).compactMap { $0.string.map { MCPText.plain($0, bytesMax: 32) } }
  }
}
