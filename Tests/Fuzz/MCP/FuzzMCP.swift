// Feeds arbitrary bytes to the reader of messages and of all results. Nothing traps; what is read as a message is
// written again and read as the same kind; any split of a stream gives the same lines; plain text stays plain.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzMCP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  lines(bytes)
  let text = MCPText.plain(String(decoding: bytes, as: UTF8.self), bytesMax: 64)
  precondition(text.utf8.count <= 64 && MCPText.plain(text) == text, "plain text is plain")
  let name = String(decoding: bytes.prefix(200), as: UTF8.self)
  precondition(MCPHeader.decode(MCPHeader.encode(name)) == name, "a header stands for its value")

  var tight = MCPLimits()
  tight.messageBytesMax = 256
  tight.depthMax = 4
  tight.nodesMax = 40
  tight.nameBytesMax = 8
  tight.contentPartsMax = 2
  for limits in [tight, .standard] {
    _ = try? MCPMessage.messages(parsing: bytes, limits: limits)
    guard let message = try? MCPMessage(parsing: bytes, limits: limits) else { continue }
    look(message, limits)
  }
  return 0
}

private func look(_ message: MCPMessage, _ limits: MCPLimits) {
  switch message {
  case .request(let request):
    let again = MCPMessageWriter.request(id: request.id, method: request.method)
    guard case .request(let other) = try? MCPMessage(parsing: again) else { preconditionFailure("a request is one") }
    precondition(other.id == request.id && other.method == request.method)
    _ = try? MCPRequestMetadata(params: request.params, limits: limits)
    _ = try? MCPElicitation(params: request.params, limits: limits)
  case .notification(let notification):
    _ = try? MCPProgress(params: notification.params, limits: limits)
  case .failure(let id, let error):
    let again = MCPMessageWriter.failure(id: id, code: error.code, message: error.message)
    guard case .failure(let other, _) = try? MCPMessage(parsing: again) else { preconditionFailure("a failure is one") }
    precondition(other == id)
    _ = error.supportedRevisions
  case .response(_, let result):
    _ = try? MCPHandshake(discovery: result, limits: limits)
    _ = try? MCPHandshake(initialization: result, limits: limits)
    if let page = try? MCPListPage<MCPTool>(tools: result, limits: limits) {
      for tool in page.entries {
        precondition(tool.name.utf8.count <= limits.nameBytesMax)
        if let headers = try? MCPParameterHeaders(inputSchema: tool.inputSchema.root) {
          _ = headers.headers(for: result)
        }
      }
    }
    _ = try? MCPListPage<MCPResource>(resources: result, limits: limits)
    _ = try? MCPListPage<MCPResource>(templates: result, limits: limits)
    _ = try? MCPListPage<MCPPrompt>(prompts: result, limits: limits)
    _ = try? MCPInputRequired(result, limits: limits)
    _ = try? MCPToolResult.contents(ofResource: result, limits: limits)
    _ = try? MCPToolResult.messages(ofPrompt: result, limits: limits)
    if let found = try? MCPToolResult(result, limits: limits) {
      let again = MCPMessageWriter.response(id: .number(1)) { found.write(stateless: true, to: &$0) }
      guard case .response(_, let view) = try? MCPMessage(parsing: again), let same = try? MCPToolResult(view) else {
        preconditionFailure("a result is one")
      }
      precondition(same.content == found.content && same.isError == found.isError)
    }
  }
}

private func lines(_ bytes: [UInt8]) {
  var whole = MCPLineReader(bytesMax: 64)
  var split = MCPLineReader(bytesMax: 64)
  let expected = try? whole.feed(bytes)
  var found: [[UInt8]]? = []
  for byte in bytes {
    guard let more = try? split.feed([byte]) else {
      found = nil
      break
    }
    found? += more
  }
  precondition(found == expected, "any split gives the same lines")
}
