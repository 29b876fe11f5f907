internal import JSON

/// The request of a caller who speaks the provider's dialect: unchanged, but for the model's name there,
/// the usage of streams, the bound of the answer, and what the provider would refuse.
enum PassthroughRequest {
  static func request(_ document: JSONView, _ dialect: Dialect, _ context: RequestContext) -> TranslatedRequest {
    var check = PassthroughCheck(context)
    let isFine = check.isFine(document, dialect)
    if isFine, let bytes = plain(document, dialect, context.target) {
      return TranslatedRequest(bytes: bytes, dropped: [])
    }
    var root = JSONNode.object(members(of: document, dialect, context.target))
    if dialect == .chat { WireRules.nameBound(of: &root, context.target.rules) }
    if isFine { return TranslatedRequest(bytes: bytes(of: root, document), dropped: []) }
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

  /// The request with nothing but the model's name, the bound under its name there and the usage of a stream put in
  /// place, written in one pass; nil when more is to be done. Nearly every request is one of these.
  private static func plain(_ document: JSONView, _ dialect: Dialect, _ target: RequestTarget) -> [UInt8]? {
    if target.outputTokensCap != nil, dialect != .embeddings { return nil }
    let renames = dialect == .chat && target.rules.refusesOtherBound
    let isOther: StaticString = target.rules.outputBound == "max_tokens" ? "max_completion_tokens" : "max_tokens"
    var (other, hasBound, streams, hasOptions) = (JSONView?.none, false, false, false)
    var writer = JSONWriter(reservingBytes: document.document.bytes.count + 128)
    writer.beginObject()
    writer.member("model", target.model)
    for (key, value) in document.members where !key.isNamed("model") {
      if renames, key.isNamed(isOther), !value.isNull {
        other = value
        continue
      }
      if key.isNamed("max_tokens") || key.isNamed("max_completion_tokens") {
        hasBound = true
      } else if key.isNamed("stream") {
        streams = value.bool ?? false
      } else if key.isNamed("stream_options") {
        hasOptions = true
      }
      writer.member(as: key, value)
    }
    if streams, dialect == .chat || dialect == .completions {
      guard !hasOptions else { return nil }
      writer.member("stream_options", raw: Array(#"{"include_usage":true}"#.utf8)[...])
    }
    if let other {
      guard !hasBound else { return nil }
      writer.key(target.rules.outputBound)
      writer.raw(other.rawBytes)
    }
    writer.endObject()
    return writer.bytes
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
