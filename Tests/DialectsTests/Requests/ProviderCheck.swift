import Dialects
import JSON

/// Refuses what the true providers refuse, by their published rules.
struct ProviderCheck {
  private(set) var faults: [String] = []
  private let kind: Kind

  init(_ root: JSONView, _ kind: Kind) {
    self.kind = kind
    if kind == .anthropic { checkMessages(root) } else { checkChat(root) }
  }

  private mutating func need(_ condition: Bool, _ fault: @autoclosure () -> String) {
    if !condition { faults.append(fault()) }
  }

  private static func isPlain(_ text: String, max: Int) -> Bool {
    !text.isEmpty && text.utf8.count <= max && text.utf8.allSatisfy { $0.isWord || $0 == 95 || $0 == 45 }
  }

  private static func list(_ view: JSONView?) -> [JSONView] { view?.elements.map { $0 } ?? [] }

  // MARK: Chat completions

  private mutating func checkChat(_ root: JSONView) {
    let tools = ProviderCheck.list(root["tools"])
    need(root["tools"] == nil || !tools.isEmpty, "tools is empty")
    need(!tools.isEmpty || (root["tool_choice"] == nil && root["parallel_tool_calls"] == nil), "choice without tools")
    for tool in tools {
      let name = tool["function"]?["name"]?.string ?? ""
      need(ProviderCheck.isPlain(name, max: 64), "name of a tool: \(name)")
      if let schema = tool["function"]?["parameters"] {
        need(schema["type"]?.string == "object" && schema["properties"]?.kind == .object, "schema of \(name)")
      }
    }
    need((root["user"]?.string?.utf8.count ?? 0) <= 64, "user")
    if kind == .openai {
      need(root["max_tokens"] == nil, "max_tokens")
      need((root["stop"]?.count ?? 0) <= 4, "stop")
    }
    need((root["temperature"]?.double ?? 0) <= 2, "temperature")
    checkTurns(ProviderCheck.list(root["messages"]))
  }

  private mutating func checkTurns(_ messages: [JSONView]) {
    need(!messages.isEmpty, "no messages")
    var open: [String] = []
    for message in messages {
      let role = message["role"]?.string ?? ""
      if role == "tool" {
        let id = message["tool_call_id"]?.string ?? ""
        need(open.contains(id), "result of no call: \(id)")
        open.removeAll { $0 == id }
        need(message["content"]?.string != nil || message["content"]?.kind == .array, "result without content")
        for part in ProviderCheck.list(message["content"]) { need(part["type"]?.string == "text", "part of a result") }
        continue
      }
      need(open.isEmpty, "calls without results before \(role)")
      need(["system", "user", "assistant"].contains(role) || (role == "developer" && kind == .openai), "role \(role)")
      guard role == "assistant" else {
        need(message["content"]?.string != nil || (message["content"]?.count ?? 0) > 0, "\(role) without content")
        continue
      }
      let calls = ProviderCheck.list(message["tool_calls"])
      need(message["tool_calls"] == nil || !calls.isEmpty, "empty calls")
      need(!calls.isEmpty || message["content"]?.string != nil || message["content"]?.kind == .array, "empty assistant")
      open = calls.compactMap { $0["id"]?.string }
      need(Set(open).count == calls.count, "ids of calls are not unique")
      for call in calls {
        need((1...(kind == .openai ? 40 : 64)).contains(call["id"]?.string?.utf8.count ?? 0), "id of a call")
        need(ProviderCheck.isPlain(call["function"]?["name"]?.string ?? "", max: 64), "name of a call")
        let arguments = call["function"]?["arguments"]?.string ?? ""
        need((try? JSONDocument(parsing: arguments)) != nil, "arguments: \(arguments)")
      }
      if kind == .openai {
        let known: Set<String?> = ["role", "content", "tool_calls", "refusal", "name", "audio", "function_call"]
        need(message.members.allSatisfy { known.contains($0.key.string) }, "unknown member of an assistant")
      }
    }
    need(open.isEmpty, "calls without results at the end")
  }

  // MARK: Messages

  private mutating func checkMessages(_ root: JSONView) {
    let tools = ProviderCheck.list(root["tools"])
    for tool in tools {
      need(ProviderCheck.isPlain(tool["name"]?.string ?? "", max: 128), "name of a tool")
      need(tool["input_schema"]?["type"]?.string == "object", "schema of a tool")
    }
    need(root["tool_choice"] == nil || !tools.isEmpty, "choice without tools")
    need(root["temperature"] == nil || root["top_p"] == nil, "temperature and top_p")
    need((root["temperature"]?.double ?? 0) <= 1, "temperature")
    if let budget = root["thinking"]?["budget_tokens"]?.int {
      need(budget >= 1024 && budget < (root["max_tokens"]?.int ?? 0), "budget of thinking")
      need(root["temperature"]?.double ?? 1 == 1, "temperature while thinking")
    }
    need((root["max_tokens"]?.int ?? 0) > 0, "max_tokens")
    for block in ProviderCheck.list(root["system"]) { checkText(block, "system") }
    let messages = ProviderCheck.list(root["messages"])
    need(messages.first?["role"]?.string == "user", "the first turn is not the user's")
    var open: Set<String> = []
    var seen: Set<String> = []
    for (index, message) in messages.enumerated() {
      let role = message["role"]?.string ?? ""
      let blocks = ProviderCheck.list(message["content"])
      if let text = message["content"]?.string {
        need(!text.utf8.allSatisfy { $0 <= 32 }, "empty turn")
      } else {
        need(!blocks.isEmpty, "empty turn")
      }
      let results = blocks.prefix { $0["type"]?.string == "tool_result" }
      let ids = Set(results.compactMap { $0["tool_use_id"]?.string })
      need(ids == open, "turn \(index): results \(ids.sorted()) of calls \(open.sorted())")
      open = []
      for block in blocks.dropFirst(results.count) {
        checkText(block, "turn \(index)")
        need(block["type"]?.string != "tool_result", "a result behind other blocks")
        guard block["type"]?.string == "tool_use" else { continue }
        let id = block["id"]?.string ?? ""
        need(role == "assistant" && ProviderCheck.isPlain(id, max: 64), "id of a call: \(id)")
        need(seen.insert(id).inserted, "an id twice: \(id)")
        need(block["input"]?.kind == .object, "input is no object")
        need(ProviderCheck.isPlain(block["name"]?.string ?? "", max: 128), "name of a call")
        open.insert(id)
      }
    }
    need(open.isEmpty, "calls without results at the end")
    if let last = messages.last, last["role"]?.string == "assistant" {
      let text = last["content"]?.string ?? ProviderCheck.list(last["content"]).last?["text"]?.string ?? "x"
      need((text.utf8.last ?? 32) > 32, "white space at the end")
    }
  }

  private mutating func checkText(_ block: JSONView, _ place: String) {
    guard block["type"]?.string == "text" else { return }
    need(!(block["text"]?.string ?? "").utf8.allSatisfy { $0 <= 32 }, "empty text in \(place)")
  }
}
