internal import JSON

/// The request of a caller who speaks the provider's dialect: the caller's own words, but for the model's name there,
/// the usage of streams, the bound of the answer, and what the provider would refuse.
enum OwnRequest {
  static func request(_ document: JSONView, _ dialect: Dialect, _ context: RequestContext) -> TranslatedRequest {
    var root = JSONNode.object(members(of: document, dialect, context.target))
    if dialect == .chat { WireRules.nameBound(of: &root, context.target.rules) }
    var check = OwnCheck(context)
    if check.isFine(document, dialect) {
      return TranslatedRequest(bytes: bytes(of: root, document), dropped: [])
    }
    var rules = WireRules(context.target, isTranslated: false)
    switch dialect {
    case .chat: rules.applyToChat(&root)
    case .messages: rules.applyToMessages(&root)
    case .responses: rules.applyToResponses(&root)
    case .completions:
      // Answers that nobody sees would be paid for.
      if root.remove("best_of") { rules.omissions.add("best_of") }
      rules.limitStops(&root, "stop", needsInk: false)
      root.set("user", ifPresent: rules.shortUser(root["user"]))
    case .embeddings: root.set("user", ifPresent: rules.shortUser(root["user"]))
    }
    return TranslatedRequest(
      bytes: bytes(of: root, document), dropped: rules.omissions.names,
      translation: RequestTranslation(names: rules.names))
  }

  private static func bytes(of root: JSONNode, _ document: JSONView) -> [UInt8] {
    var writer = JSONWriter(reservingBytes: document.document.bytes.count + 128)
    root.write(to: &writer)
    return writer.bytes
  }

  private static func members(
    of document: JSONView, _ dialect: Dialect, _ target: RequestTarget
  ) -> [JSONNode.Member] {
    let addsUsage =
      (dialect == .chat || dialect == .completions) && document["stream"]?.bool == true
      && document["stream_options"]?["include_usage"]?.bool != true
    var result = [JSONNode.Member(key: "model", value: .string(target.model))]
    for (key, value) in document.members {
      let name = key.string ?? ""
      if name == "model" || (addsUsage && name == "stream_options") { continue }
      result.append(JSONNode.Member(key: name, value: .view(value)))
    }
    if addsUsage {
      var options = document["stream_options"].map { JSONNode.view($0).members } ?? []
      options.removeAll { $0.key == "include_usage" }
      options.append(JSONNode.Member(key: "include_usage", value: .bool(true)))
      result.append(JSONNode.Member(key: "stream_options", value: .object(options)))
    }
    if let cap = target.outputTokensCap, dialect != .embeddings, !isBounded(document) {
      let name =
        dialect == .responses
        ? "max_output_tokens" : dialect == .completions ? "max_tokens" : target.rules.outputBound
      result.removeAll { $0.key == name }
      result.append(JSONNode.Member(key: name, value: .int(cap)))
    }
    return result
  }

  private static func isBounded(_ document: JSONView) -> Bool {
    ["max_tokens", "max_completion_tokens", "max_output_tokens"].contains { document.present($0) != nil }
  }
}
