public import JSON

extension MCPMessage {
  /// Reads one message. Throws an error of kind `protocol` with the code that a server answers with.
  public init(parsing bytes: [UInt8], limits: MCPLimits = .standard) throws(MCPError) {
    let document = try MCPMessage.document(bytes, limits)
    guard document.root.kind != .array else {
      throw MCPError(
        .invalidMessage, "a batch stands where one message is expected", rpcCode: MCPErrorCode.invalidRequest)
    }
    try self.init(document.root, limits: limits)
  }

  /// Reads one message, or the messages of a batch (revision 2025-03-26).
  public static func messages(
    parsing bytes: [UInt8], limits: MCPLimits = .standard
  ) throws(MCPError) -> [MCPMessage] {
    let root = try document(bytes, limits).root
    guard root.kind == .array else { return [try MCPMessage(root, limits: limits)] }
    guard (1...limits.batchMax).contains(root.count) else {
      throw MCPError(
        .invalidMessage, "a batch has \(root.count) messages; 1 to \(limits.batchMax) are allowed",
        rpcCode: MCPErrorCode.invalidRequest)
    }
    var messages: [MCPMessage] = []
    for element in root.elements { messages.append(try MCPMessage(element, limits: limits)) }
    return messages
  }

  private static func document(_ bytes: [UInt8], _ limits: MCPLimits) throws(MCPError) -> JSONDocument {
    guard bytes.count <= limits.messageBytesMax else {
      throw MCPError(
        .messageTooLarge, "the message has \(bytes.count) bytes; \(limits.messageBytesMax) are allowed",
        rpcCode: MCPErrorCode.invalidRequest)
    }
    do {
      return try JSONDocument(
        parsing: bytes,
        limits: JSONLimits(depthMax: limits.depthMax, bytesMax: limits.messageBytesMax, nodesMax: limits.nodesMax))
    } catch {
      throw MCPError(.invalidJSON, "the message is no valid JSON: \(error)", rpcCode: MCPErrorCode.parseError)
    }
  }

  /// Reads a message that is parsed already.
  public init(_ view: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    func invalid(_ message: String) -> MCPError {
      MCPError(.invalidMessage, message, rpcCode: MCPErrorCode.invalidRequest)
    }
    guard view.kind == .object else { throw invalid("the message is no object") }
    guard view["jsonrpc"]?.string == "2.0" else { throw invalid("`jsonrpc` is not \"2.0\"") }
    let id = view["id"].flatMap { MCPRequestID($0, bytesMax: limits.idBytesMax) }
    if let method = view["method"] {
      guard view["result"] == nil, view["error"] == nil else {
        throw invalid("a request or notification has no `result` and no `error`")
      }
      guard (method.stringBytesMax ?? .max) <= limits.methodBytesMax, let name = method.string, !name.isEmpty,
        name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw invalid("`method` is no name of at most \(limits.methodBytesMax) bytes") }
      let params = view["params"]
      if let params, params.kind != .object { throw invalid("`params` is no object") }
      guard view["id"] != nil else {
        self = .notification(MCPNotification(method: name, params: params))
        return
      }
      guard let id else { throw invalid("`id` is neither a whole number nor a string") }
      self = .request(MCPRequest(id: id, method: name, params: params))
    } else if let result = view["result"] {
      guard view["error"] == nil else { throw invalid("an answer has both `result` and `error`") }
      guard let id else { throw invalid("the answer has no valid `id`") }
      guard result.kind == .object else { throw invalid("`result` is no object") }
      self = .response(id: id, result: result)
    } else if let error = view["error"] {
      if id == nil, let raw = view["id"], !raw.isNull { throw invalid("the answer has no valid `id`") }
      guard let code = error["code"]?.int, let message = error["message"]?.string else {
        throw invalid("`error` has no whole `code` or no `message`")
      }
      self = .failure(
        id: id,
        error: MCPErrorObject(
          code: code, message: MCPText.plain(message, bytesMax: limits.errorMessageBytesMax), data: error["data"]))
    } else {
      throw invalid("the message is neither request nor notification nor answer")
    }
  }
}
