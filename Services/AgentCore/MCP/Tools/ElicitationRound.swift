package import AgentTools
internal import Crypto
internal import JSON
internal import JSONSchema
package import MCP
internal import Primitives

/// A question of a server to a person, as the platform asks it durably.
///
/// Nothing of the call is kept while the person thinks. When the answer is there the call is made again from its start,
/// the server asks the same, and the answer is found by the digest of the question: no state of the server is stored,
/// and an answer never reaches another question.
package struct ElicitationRound: Sendable {
  /// Questions to one call, before it counts as endless.
  package static let roundsMax = 8

  private let inputs: [(key: String, question: MCPElicitation)]
  private let requestState: String?
  private let ask: ToolAsk?

  /// Takes up what a server asks for. Throws when it asks for what was not offered.
  package init(_ required: MCPInputRequired, server: String, tool: String, limits: MCPLimits) throws(MCPError) {
    var inputs: [(key: String, question: MCPElicitation)] = []
    for input in required.inputs {
      guard input.method == "elicitation/create" else {
        throw MCPError(
          .notOffered, "the server asks for \(MCPText.plain(input.method, bytesMax: 64)), which was not offered")
      }
      inputs.append((input.key, try MCPElicitation(params: input.params, limits: limits)))
    }
    self.inputs = inputs
    requestState = required.requestState
    guard !inputs.isEmpty else {
      ask = nil
      return
    }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("server", server)
    writer.member("tool", tool)
    writer.objects("questions", inputs) { input, writer in
      writer.member("key", input.key)
      writer.member("message", input.question.message)
      switch input.question.mode {
      case .form(let schema): writer.member("schema", raw: schema.bytes)
      case .url(let url): writer.member("url", url)
      }
    }
    writer.endObject()
    guard writer.bytes.count <= ToolAsk.subjectBytesMax else {
      throw MCPError(.inputRequired, "the question has more than \(ToolAsk.subjectBytesMax) bytes")
    }
    ask = ToolAsk(kind: .question, tool: tool, subject: writer.bytes)
  }

  /// What is to be done.
  package enum Next: Sendable {
    /// The request is sent again with these members of its parameters.
    case send(inputResponses: [UInt8]?, requestState: String?)
    /// A person is asked.
    case ask(ToolAsk)
  }

  /// Finds the answer. Throws when it does not fit the question.
  package func next(_ answers: [ToolAnswer]) throws(MCPError) -> Next {
    guard let ask else { return .send(inputResponses: nil, requestState: requestState) }
    guard let answer = answers.first(where: { $0.kind == .question && $0.subjectSHA256 == ask.subjectSHA256 }) else {
      guard answers.count < ElicitationRound.roundsMax else {
        throw MCPError(.inputRequired, "the server has asked \(answers.count) times and asks again")
      }
      return .ask(ask)
    }
    guard let view = (try? JSONDocument(parsing: answer.answer))?.root else {
      throw MCPError(.inputRequired, "the answer of the person is no JSON")
    }
    var writer = JSONWriter()
    writer.beginObject()
    for input in inputs {
      let own = inputs.count == 1 ? view : view["answers"]?[input.key]
      writer.key(input.key)
      writer.beginObject()
      try ElicitationRound.result(of: own, to: input.question).write(to: &writer)
      writer.endObject()
    }
    writer.endObject()
    return .send(inputResponses: writer.bytes, requestState: requestState)
  }

  private static func result(of answer: JSONView?, to question: MCPElicitation) throws(MCPError)
    -> MCPElicitationAnswer
  {
    guard let answer, answer["expired"]?.bool != true, answer["action"]?.string != "cancel" else { return .cancel }
    if answer["declined"]?.bool == true || answer["action"]?.string == "decline" { return .decline }
    guard case .form(let schema) = question.mode else { return .accept(content: nil) }
    let content = try content(of: answer, schema.root)
    guard let compiled = try? CompiledSchema(schema.root), let document = try? JSONDocument(parsing: content) else {
      throw MCPError(.inputRequired, "the form of the server's question is not understood")
    }
    if let violation = compiled.violations(of: document.root).first {
      throw MCPError(.inputRequired, "the answer of the person does not fit the question: \(violation)")
    }
    return .accept(content: content)
  }

  /// The values of a form. A text alone answers a form with one field.
  private static func content(of answer: JSONView, _ schema: JSONView) throws(MCPError) -> [UInt8] {
    if let content = answer["content"], content.kind == .object { return Array(content.rawBytes) }
    guard let text = answer["text"]?.string, answer.count == 1, let properties = schema["properties"],
      properties["text"] == nil, properties.count == 1, let field = properties.members.first(where: { _ in true })
    else { return Array(answer.rawBytes) }
    var writer = JSONWriter()
    writer.beginObject()
    writer.key(field.key.string ?? "")
    let trimmed = text.drop { $0 == " " }
    switch field.value["type"]?.string {
    case "integer": if let number = Int64(trimmed) { writer.int(number) } else { writer.string(text) }
    case "number": if let number = Double(trimmed) { writer.double(number) } else { writer.string(text) }
    case "boolean":
      switch trimmed.lowercased() {
      case "true", "yes": writer.bool(true)
      case "false", "no": writer.bool(false)
      default: writer.string(text)
      }
    default: writer.string(text)
    }
    writer.endObject()
    return writer.bytes
  }
}
