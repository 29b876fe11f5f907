internal import JSON

/// A request of the Responses API (OpenAI) as a chat completion request, for models that are not at OpenAI.
enum ChatFromResponses {
  private static let known: Set<String> = [
    "model", "input", "instructions", "max_output_tokens", "temperature", "top_p", "stream", "stream_options", "tools",
    "tool_choice", "parallel_tool_calls", "text", "reasoning", "user", "store", "metadata", "include", "truncation",
    "previous_response_id", "conversation", "background", "prompt",
  ]
  /// What a provider of its own keeps: without it the model would answer something else.
  private static let state = ["previous_response_id", "conversation", "background", "prompt"]

  static func request(_ root: JSONNode, _ context: inout RequestContext) throws(DialectFault) -> JSONNode {
    for name in state {
      if let value = root[name], value.bool != false {
        throw DialectFault(
          name == "prompt"
            ? "This model keeps no prompts; send the text in 'instructions' and 'input'."
            : "This model keeps no state between calls; send the whole conversation in 'input'.", at: name)
      }
    }
    var history = ResponseHistory()
    if let instructions = root["instructions"] {
      if let text = instructions.string {
        history.system(text)
      } else {
        try history.take(instructions, "instructions", &context)
      }
    }
    guard let input = root["input"] else { throw DialectFault("'input' is missing.", at: "input") }
    var tools = ResponseTools()
    tools.declare(root["tools"], &context)
    tools.declare(found: input, &context)
    if let text = input.string { history.user(text) } else { try history.take(input, "input", &context) }
    let messages = history.messages
    guard !messages.isEmpty else { throw DialectFault("'input' must not be empty.", at: "input") }
    var body = JSONNode.members(("model", .string(context.target.model)), ("messages", .array(messages)))
    let bound = root["max_output_tokens"] ?? context.target.outputTokensCap.map { .int($0) }
    body.set(context.target.rules.outputBound, ifPresent: bound)
    for name in ["temperature", "top_p", "user"] { body.set(name, ifPresent: root[name]) }
    if let effort = root["reasoning"]?["effort"] {
      if context.target.thinks {
        body.set("reasoning_effort", effort)
      } else {
        context.omissions.add("reasoning.effort")
      }
    }
    if root["stream"]?.bool == true {
      body.set("stream", .bool(true))
      body.set("stream_options", .members(("include_usage", .bool(true))))
    }
    try tools.finish(root, &body, &context)
    format(root["text"]?["format"], &body)
    name(root, &context)
    return body
  }

  /// What is left out.
  private static func name(_ root: JSONNode, _ context: inout RequestContext) {
    context.omissions.unread(of: root, known: known)
    context.omissions.unread(of: root["text"], known: ["format"], at: "text")
    context.omissions.unread(of: root["reasoning"], known: ["effort"], at: "reasoning")
    if root["store"]?.bool == true { context.omissions.add("store") }
    if let way = root["truncation"]?.string, way != "disabled" { context.omissions.add("truncation") }
    for requested in root["include"]?.elements ?? [] where requested.string != "reasoning.encrypted_content" {
      context.omissions.add("include.\(requested.string ?? "")")
    }
  }

  private static func format(_ format: JSONNode?, _ body: inout JSONNode) {
    switch format?["type"]?.string {
    case "json_schema":
      var schema = JSONNode.object([])
      for name in ["name", "description", "schema", "strict"] { schema.set(name, ifPresent: format?[name]) }
      body.set("response_format", .typed("json_schema", ("json_schema", schema)))
    case "json_object": body.set("response_format", .typed("json_object"))
    default: break
    }
  }
}
