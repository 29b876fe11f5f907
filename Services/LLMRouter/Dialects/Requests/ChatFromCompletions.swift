internal import JSON

/// A text completion request (OpenAI, of the time before chats) as a chat completion request: the prompt is what the
/// user says.
enum ChatFromCompletions {
  private static let same = [
    "temperature", "top_p", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "seed", "user", "n",
  ]
  private static let known: Set<String> = Set(
    same + ["model", "prompt", "suffix", "max_tokens", "stream", "stream_options"])

  static func request(_ root: JSONNode, _ context: inout RequestContext) throws(DialectFault) -> JSONNode {
    guard let text = root["prompt"]?.string ?? root["prompt"]?.elements.first?.string else {
      throw DialectFault("'prompt' must be one text.", at: "prompt")
    }
    if let count = root["n"]?.int, count != 1 {
      throw DialectFault("This model gives one completion at a time; ask with n = 1.", at: "n")
    }
    var messages: [JSONNode] = []
    if let suffix = root["suffix"]?.string, !suffix.isEmpty {
      let task = "Answer with the text that belongs between what the user sends and this, and nothing else:\n\(suffix)"
      messages.append(.members(("role", .string("system")), ("content", .string(task))))
    }
    messages.append(.members(("role", .string("user")), ("content", .string(text))))
    var body = JSONNode.members(("model", .string(context.target.model)), ("messages", .array(messages)))
    let bound = root["max_tokens"] ?? context.target.outputTokensCap.map { .int($0) }
    body.set(context.target.rules.outputBound, ifPresent: bound)
    for name in same { body.set(name, ifPresent: root[name]) }
    if root["stream"]?.bool == true {
      body.set("stream", .bool(true))
      body.set("stream_options", .members(("include_usage", .bool(true))))
    }
    context.omissions.unread(of: root, known: known)
    return body
  }
}
