internal import JSON

/// The order that chat completions demand: right behind the calls of a turn stand their results, as text. What stood
/// between them follows, and so do the images of the results, as the user's.
enum ToolOrder {
  /// The messages in that order; nil when they are so already.
  static func ordered(_ messages: [JSONNode]) -> [JSONNode]? {
    guard needsChange(messages) else { return nil }
    let results = Results(messages)
    var ordered: [JSONNode] = []
    var moved: Set<Int> = []
    var media: [JSONNode] = []
    for (index, message) in messages.enumerated() where !moved.contains(index) {
      let role = message["role"]?.string
      if !media.isEmpty, role != "tool" {
        let isUser = role == "user"
        ordered.append(user(media, isUser ? message : nil))
        media = []
        if isUser { continue }
      }
      ordered.append(role == "tool" ? withoutMedia(message, &media) : message)
      guard role == "assistant", let calls = message["tool_calls"] else { continue }
      for call in calls.elements {
        guard let id = call["id"]?.string, let place = results.index(of: id, after: index),
          moved.insert(place).inserted
        else { continue }
        ordered.append(withoutMedia(messages[place], &media))
      }
    }
    if !media.isEmpty { ordered.append(user(media, nil)) }
    return ordered
  }

  /// What results hold beside text, as the begin of the user's turn.
  private static func user(_ media: [JSONNode], _ message: JSONNode?) -> JSONNode {
    var turn = message ?? .members(("role", .string("user")))
    let own = turn["content"].map { $0.string.map { [JSONNode.text($0)] } ?? $0.elements } ?? []
    turn.set("content", .array(media + own))
    return turn
  }

  private static func withoutMedia(_ message: JSONNode, _ media: inout [JSONNode]) -> JSONNode {
    guard let (text, parts) = split(message) else { return message }
    media += parts
    var message = message
    message.set("content", .string(text))
    return message
  }

  /// The text of a result, and its other parts; nil when it has none.
  private static func split(_ message: JSONNode) -> (text: String, parts: [JSONNode])? {
    guard let content = message["content"], content.kind == .array else { return nil }
    var texts: [String] = []
    var parts: [JSONNode] = []
    for part in content.elements {
      if part["type"]?.string == "text" { texts.append(part["text"]?.string ?? "") } else { parts.append(part) }
    }
    guard !parts.isEmpty else { return nil }
    return (texts.isEmpty ? "The result follows." : texts.joined(separator: "\n"), parts)
  }

  private static func needsChange(_ messages: [JSONNode]) -> Bool {
    var open: Set<String> = []
    for message in messages {
      switch message["role"]?.string {
      case "tool":
        if !open.isEmpty { open.remove(message["tool_call_id"]?.string ?? "") }
        if split(message) != nil { return true }
      case "assistant" where message["tool_calls"] != nil:
        if !open.isEmpty { return true }
        open = Set(message["tool_calls"]?.elements.compactMap { $0["id"]?.string } ?? [])
      default: if !open.isEmpty { return true }
      }
    }
    return false
  }

  /// Where the results stand.
  private struct Results {
    private var places: [String: Int] = [:]

    init(_ messages: [JSONNode]) {
      for (index, message) in messages.enumerated() where message["role"]?.string == "tool" {
        if let id = message["tool_call_id"]?.string, places[id] == nil { places[id] = index }
      }
    }

    func index(of id: String, after start: Int) -> Int? { places[id].flatMap { $0 > start ? $0 : nil } }
  }
}
