internal import Dialects
internal import JSON
internal import ModelCatalog

/// Parts of a request that stand for content which only the provider has: how many tokens they are is not known before
/// the answer, so no budget can bound them.
struct UnboundedContent: Sendable {
  let sentence: String
  let parameter: String

  /// The first such part of a request, nil when there is none.
  static func of(_ root: JSONView, _ dialect: Dialect) -> UnboundedContent? {
    switch dialect {
    case .responses:
      for (name, what) in [
        ("previous_response_id", "a conversation"), ("conversation", "a conversation"), ("prompt", "a stored prompt"),
      ] where isSet(root[name]) {
        return UnboundedContent(
          sentence: "'\(name)' names \(what) that is stored at the provider.", parameter: name)
      }
      return root["input"].flatMap { inside($0, "input") }
    case .chat: return root["messages"].flatMap { inside($0, "messages") }
    case .messages:
      if root["thread"]?["previous_message_id"]?.string != nil {
        return UnboundedContent(
          sentence: "'thread' names a conversation that is stored at the provider.", parameter: "thread")
      }
      if isSet(root["container"]) {
        return UnboundedContent(
          sentence: "'container' names content that is stored at the provider.", parameter: "container")
      }
      return (root["system"].flatMap { inside($0, "system") }) ?? root["messages"].flatMap { inside($0, "messages") }
    case .completions, .embeddings: return nil
    }
  }

  private static func isSet(_ view: JSONView?) -> Bool { view.map { !$0.isNull } ?? false }

  /// Looks into all parts of a conversation. The depth is bounded by the parser.
  private static func inside(_ view: JSONView, _ parameter: String) -> UnboundedContent? {
    switch view.kind {
    case .array:
      for element in view.elements {
        if let found = inside(element, parameter) { return found }
      }
      return nil
    case .object: return part(view, parameter)
    default: return nil
    }
  }

  private static func part(_ part: JSONView, _ parameter: String) -> UnboundedContent? {
    // A message of nothing but a text, which most are.
    if part.count == 2, part["role"] != nil, part["content"]?.kind == .string { return nil }
    switch part["type"]?.string {
    case "item_reference":
      return UnboundedContent(sentence: "An item reference names what is stored at the provider.", parameter: parameter)
    // What a model is to call a tool with is text, whatever its names.
    case "tool_use", "function_call", "custom_tool_call": return nil
    default: break
    }
    for holder in [part, part["file"], part["source"]] {
      guard let holder, holder.kind == .object else { continue }
      if holder["file_id"]?.string != nil {
        return UnboundedContent(
          sentence: "'file_id' names a file that is stored at the provider.", parameter: parameter)
      }
      let address = holder["file_url"]?.string ?? (holder["type"]?.string == "url" ? holder["url"]?.string : nil)
      if let address, !address.hasPrefix("data:") {
        return UnboundedContent(
          sentence: "A document or image by URL is fetched by the provider.", parameter: parameter)
      }
    }
    let image = part["image_url"]
    if let address = image?.string ?? image?["url"]?.string, !address.hasPrefix("data:") {
      return UnboundedContent(
        sentence: "An image by URL is fetched by the provider; send it as a data: URL.", parameter: parameter)
    }
    for name in ["content", "output", "source"] {
      if let inner = part[name], let found = inside(inner, parameter) { return found }
    }
    return nil
  }
}
