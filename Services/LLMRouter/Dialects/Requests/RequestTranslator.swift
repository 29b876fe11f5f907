public import JSON

/// A translation under way: what is known of the target, and what comes up.
struct RequestContext {
  let target: RequestTarget
  let model: ModelName
  var names: NameMap
  var omissions = Omissions()

  init(_ target: RequestTarget) {
    self.target = target
    model = ModelName(target.model)
    names = NameMap(lengthMax: target.rules.toolNameLengthMax)
  }
}

/// Makes the request for a provider of a caller's.
public enum RequestTranslator {
  /// The body in the dialect `wire`. Throws `DialectFault` for what cannot be said there.
  public static func request(
    _ document: JSONView, from dialect: Dialect, to wire: Dialect, _ target: RequestTarget
  ) throws(DialectFault) -> TranslatedRequest {
    var context = RequestContext(target)
    var body = JSONNode.view(document)
    switch (dialect, wire) {
    case (.messages, .chat): body = try ChatFromMessages.request(body, &context)
    case (.chat, .messages): body = try MessagesFromChat.request(body, &context)
    case (.responses, .chat): body = try ChatFromResponses.request(body, &context)
    case (.completions, .chat): body = try ChatFromCompletions.request(body, &context)
    case (.completions, .messages):
      let chat = try ChatFromCompletions.request(body, &context)
      body = try MessagesFromChat.request(chat, &context)
    case (.responses, .messages):
      // The chat in between is ours: what it holds beside the common members is for the second step.
      let chat = try ChatFromResponses.request(body, &context)
      body = try MessagesFromChat.request(chat, &context)
    default: return PassthroughRequest.request(document, dialect, context)
    }
    var rules = WireRules(target, isTranslated: true, names: context.names, omissions: context.omissions)
    if wire == .messages {
      rules.applyToMessages(&body)
      CacheBreakpoints.insert(into: &body)
    } else {
      rules.applyToChat(&body)
    }
    return TranslatedRequest(
      bytes: body.bytes, dropped: rules.omissions.names, translation: RequestTranslation(names: rules.names))
  }
}
