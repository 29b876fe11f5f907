internal import JSON

/// Marks for the prompt cache of Anthropic, for callers whose dialect has none: behind the tools, the system text and
/// the last turns, where the next request of a conversation begins with the same. Callers who place marks of their own
/// are left alone. Prompts below the provider's least length are not cached and cost nothing.
enum CacheBreakpoints {
  private static let mark = JSONNode.typed("ephemeral")

  static func insert(into root: inout JSONNode) {
    guard !holdsMarks(root) else { return }
    let tools = root["tools"]
    markLast(of: "tools", in: &root)
    markLast(of: "system", in: &root)
    guard var turns = root["messages"]?.elements else { return }
    // A single question is seldom asked twice; what an agent sends comes again with the next turn.
    guard tools != nil || turns.count > 1 else { return }
    let places = turns.indices.filter { turns[$0]["role"]?.string == "user" }.suffix(2)
    for place in places { markLast(of: "content", in: &turns[place]) }
    root.set("messages", .array(turns))
  }

  private static func holdsMarks(_ root: JSONNode) -> Bool {
    let lists = [root["tools"], root["system"]] + (root["messages"]?.elements.map { $0["content"] } ?? [])
    return lists.contains { list in list?.elements.contains { $0["cache_control"] != nil } ?? false }
  }

  private static func markLast(of name: String, in node: inout JSONNode) {
    guard let list = node[name] else { return }
    if let text = list.string {
      var block = JSONNode.text(text)
      block.set("cache_control", mark)
      node.set(name, .array([block]))
      return
    }
    var elements = list.elements
    guard var last = elements.last, last["type"]?.string != "thinking" else { return }
    last.set("cache_control", mark)
    elements[elements.count - 1] = last
    node.set(name, .array(elements))
  }
}
