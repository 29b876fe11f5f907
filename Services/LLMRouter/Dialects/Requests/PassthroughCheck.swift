internal import JSON

/// Whether a request in its provider's own dialect goes on as it is: a look at every part without copying any. It errs
/// towards no; then `WireRules` looks closely.
struct PassthroughCheck {
  /// The keys that occur in every message, compared without a copy.
  private enum Key {
    case role, content, calls, callID, type, id, function, name, arguments, other

    init(_ view: JSONView) {
      self =
        view.withString { bytes in
          switch bytes.count {
          case 2 where bytes.elementsEqual("id".utf8): .id
          case 4 where bytes.elementsEqual("role".utf8): .role
          case 4 where bytes.elementsEqual("type".utf8): .type
          case 4 where bytes.elementsEqual("name".utf8): .name
          case 7 where bytes.elementsEqual("content".utf8): .content
          case 8 where bytes.elementsEqual("function".utf8): .function
          case 9 where bytes.elementsEqual("arguments".utf8): .arguments
          case 10 where bytes.elementsEqual("tool_calls".utf8): .calls
          case 12 where bytes.elementsEqual("tool_call_id".utf8): .callID
          default: .other
          }
        } ?? .other
    }
  }

  private let rules: ProviderRules
  private let model: ModelName
  private let limit: Int64
  private var ids: Set<String> = []
  private var open: Set<String> = []

  init(_ context: RequestContext) {
    rules = context.target.rules
    model = context.model
    limit = context.target.outputTokensLimit ?? .max
  }

  mutating func isFine(_ root: JSONView, _ dialect: Dialect) -> Bool {
    switch dialect {
    case .chat: chat(root)
    case .messages: messages(root)
    case .responses, .completions, .embeddings: false
    }
  }

  // MARK: Chat completions

  private mutating func chat(_ root: JSONView) -> Bool {
    var hasTools = false
    var hasChoice = false
    for (key, value) in root.members {
      switch key.string {
      case "tools":
        hasTools = true
        guard value.count > 0 else { return false }
        for tool in value.elements where !isFineTool(tool) { return false }
      case "tool_choice", "parallel_tool_calls":
        hasChoice = true
        if value.kind == .object { return false }
      case "messages":
        for message in value.elements where !isFineMessage(message) { return false }
        guard open.isEmpty else { return false }
      case "user", "safety_identifier", "prompt_cache_key":
        guard (value.stringBytesMax ?? 0) <= rules.userLengthMax else { return false }
      case "stop": guard value.kind == .string, PassthroughCheck.hasInk(value) else { return false }
      case "temperature":
        guard !model.refusesSampling, (value.double ?? 0) <= rules.temperatureMax else { return false }
      case "top_p": guard !model.refusesSampling else { return false }
      case "max_tokens", "max_completion_tokens":
        guard (value.int ?? 0) <= limit else { return false }
      default: continue
      }
    }
    return hasTools || !hasChoice
  }

  private func isFineTool(_ tool: JSONView) -> Bool {
    var isFunction = false
    for (key, value) in tool.members {
      switch key.string {
      case "type": guard value.string == "function" else { return false }
      case "function":
        isFunction = true
        for (key, value) in value.members {
          switch key.string {
          case "name": guard isName(value) else { return false }
          case "parameters": guard isFineSchema(value, needsProperties: true) else { return false }
          default: continue
          }
        }
      default: guard rules.takesCacheMarks else { return false }
      }
    }
    return isFunction
  }

  private func isFineSchema(_ schema: JSONView, needsProperties: Bool) -> Bool {
    var isObject = false
    var hasProperties = false
    for (key, value) in schema.members {
      switch key.string {
      case "type": isObject = value.string == "object"
      case "properties": hasProperties = value.kind == .object
      case "anyOf", "oneOf", "allOf": guard rules.takesSchemaChoices else { return false }
      default: continue
      }
    }
    return isObject && (hasProperties || !needsProperties)
  }

  private mutating func isFineMessage(_ message: JSONView) -> Bool {
    var role = ""
    var content: JSONView?
    var calls: JSONView?
    var id: JSONView?
    var hasOthers = false
    for (key, value) in message.members {
      switch Key(key) {
      case .role: role = value.string ?? ""
      case .content: content = value
      case .calls: calls = value
      case .callID: id = value
      default: hasOthers = true
      }
    }
    switch role {
    case "system", "user": return calls == nil && open.isEmpty && isFineContent(content)
    case "tool":
      guard let id = id?.string, content?.kind == .string else { return false }
      return open.remove(id) != nil
    case "assistant":
      guard open.isEmpty, !hasOthers, id == nil else { return false }
      guard let calls else { return isFineContent(content) }
      guard calls.count > 0, content == nil || content?.isNull == true || isFineContent(content) else { return false }
      for call in calls.elements where !isFineCall(call) { return false }
      return true
    default: return false
    }
  }

  private func isFineContent(_ content: JSONView?) -> Bool {
    guard let content else { return false }
    if content.kind == .string { return true }
    return content.kind == .array && content.count > 0 && rules.takesCacheMarks
  }

  private mutating func isFineCall(_ call: JSONView) -> Bool {
    var hasType = false
    var id: JSONView?
    var function: JSONView?
    for (key, value) in call.members {
      switch Key(key) {
      case .type: hasType = value.string == "function"
      case .id: id = value
      case .function: function = value
      default: continue
      }
    }
    guard hasType, let function, isNewID(id) else { return false }
    var hasName = false
    var hasArguments = false
    for (key, value) in function.members {
      switch Key(key) {
      case .name: hasName = isName(value)
      case .arguments: hasArguments = PassthroughCheck.hasInk(value)
      default: continue
      }
    }
    return hasName && hasArguments
  }

  private mutating func isNewID(_ view: JSONView?) -> Bool {
    guard let id = view?.string, !id.isEmpty, id.utf8.count <= rules.callIDLengthMax,
      !rules.callIDsArePlain || id.unicodeScalars.allSatisfy(NameMap.isAllowed), ids.insert(id).inserted
    else { return false }
    open.insert(id)
    return true
  }

  private func isName(_ view: JSONView) -> Bool {
    view.string.map { NameMap.isValid($0, rules.toolNameLengthMax) } ?? false
  }

  /// Whether a text begins with something to be seen, as it stands in the document.
  static func hasInk(_ view: JSONView) -> Bool {
    guard view.kind == .string, let first = view.rawBytes.dropFirst().first else { return false }
    return first > 0x20 && first < 0x80 && first != UInt8(ascii: "\\") && first != UInt8(ascii: "\"")
  }

  // MARK: Messages

  private mutating func messages(_ root: JSONView) -> Bool {
    var hasTools = false
    var hasChoice = false
    var hasTemperature = false
    for (key, value) in root.members {
      switch key.string {
      case "tools":
        hasTools = value.count > 0
        for tool in value.elements where !isFineMessageTool(tool) { return false }
      case "tool_choice": hasChoice = true
      case "system":
        guard
          PassthroughCheck.hasInk(value)
            || (value.kind == .array && value.elements.allSatisfy(PassthroughCheck.isFineText))
        else {
          return false
        }
      case "messages": guard isFineConversation(value) else { return false }
      case "metadata": guard (value["user_id"]?.stringBytesMax ?? 0) <= rules.userLengthMax else { return false }
      case "stop_sequences": guard value.elements.allSatisfy(PassthroughCheck.hasInk) else { return false }
      case "max_tokens": guard (value.int ?? 0) <= limit else { return false }
      case "temperature":
        hasTemperature = true
        guard !model.isAdaptiveOnly, (value.double ?? 0) <= rules.temperatureMax else { return false }
      case "top_p", "top_k": guard !model.isAdaptiveOnly, !hasTemperature || key.string == "top_k" else { return false }
      case "thread": return false
      default: continue
      }
    }
    return (hasTools || !hasChoice) && !(hasTemperature && root["top_p"] != nil)
  }

  private func isFineMessageTool(_ tool: JSONView) -> Bool {
    if let type = tool.present("type")?.string, type != "custom" { return true }
    guard let name = tool["name"], isName(name), let schema = tool["input_schema"] else { return false }
    return isFineSchema(schema, needsProperties: false)
  }

  private static func isFineText(_ block: JSONView) -> Bool {
    block["type"]?.string != "text" || block["text"].map(hasInk) ?? false
  }

  private mutating func isFineConversation(_ turns: JSONView) -> Bool {
    var isFirst = true
    var last: JSONView?
    for turn in turns.elements {
      let role = turn["role"]?.string
      guard let content = turn["content"], role == "user" || (role == "assistant" && !isFirst) else { return false }
      isFirst = false
      last = role == "assistant" ? content : nil
      if content.kind == .string {
        guard open.isEmpty, PassthroughCheck.hasInk(content) else { return false }
        continue
      }
      guard content.count > 0 else { return false }
      var isBehindResults = false
      for block in content.elements where !isFineBlock(block, &isBehindResults) { return false }
    }
    guard let last else { return open.isEmpty && !isFirst }
    // The end of the assistant's text is checked closely.
    return last.kind == .array && last[last.count - 1]?["type"]?.string != "text" && open.isEmpty
  }

  private mutating func isFineBlock(_ block: JSONView, _ isBehindResults: inout Bool) -> Bool {
    let type = block["type"]?.string
    if type == "tool_result" {
      guard !isBehindResults, let id = block["tool_use_id"]?.string, open.remove(id) != nil else { return false }
      return block["content"].map { $0.kind == .string || $0.elements.allSatisfy(PassthroughCheck.isFineText) } ?? true
    }
    isBehindResults = true
    switch type {
    case "text": return open.isEmpty && PassthroughCheck.isFineText(block)
    case "thinking":
      guard let signature = block["signature"]?.string else { return false }
      return !signature.isEmpty && !signature.hasPrefix(ReasoningSignature.mark)
    case "tool_use":
      guard let name = block["name"], isName(name), block["input"]?.kind == .object else { return false }
      return isNewID(block["id"])
    case "image", "document": return open.isEmpty
    default: return false
    }
  }
}
