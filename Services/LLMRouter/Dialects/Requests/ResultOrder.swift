internal import JSON

/// The order that messages demand: the turn behind one with calls begins with their results.
enum ResultOrder {
  /// The turns in that order; nil when they are so already.
  static func ordered(_ turns: [JSONNode]) -> [JSONNode]? {
    guard needsChange(turns) else { return nil }
    var result: [JSONNode] = []
    for turn in merged(turns) {
      guard turn["role"]?.string == "user", let content = turn["content"], content.kind == .array else {
        result.append(turn)
        continue
      }
      let blocks = content.elements
      let sorted = blocks.filter(isResult) + blocks.filter { !isResult($0) }
      var turn = turn
      turn.set("content", .array(sorted))
      result.append(turn)
    }
    return result
  }

  private static func isResult(_ block: JSONNode) -> Bool { block["type"]?.string == "tool_result" }

  private static func hasResults(_ turn: JSONNode) -> Bool {
    turn["content"]?.elements.contains(where: isResult) ?? false
  }

  private static func hasCalls(_ turn: JSONNode) -> Bool {
    turn["content"]?.elements.contains { $0["type"]?.string == "tool_use" } ?? false
  }

  /// Results stand behind other blocks, or apart from the turn that follows the calls.
  private static func needsChange(_ turns: [JSONNode]) -> Bool {
    var before: JSONNode?
    for turn in turns {
      if turn["role"]?.string == "user", let content = turn["content"], content.kind == .array {
        var sawOther = false
        for block in content.elements {
          if !isResult(block) { sawOther = true } else if sawOther { return true }
        }
        if hasResults(turn), let before, !hasCalls(before) { return true }
      }
      before = turn
    }
    return false
  }

  /// Results move behind their calls; neighbours of one role become one turn.
  private static func merged(_ turns: [JSONNode]) -> [JSONNode] {
    var places: [String: Int] = [:]
    var list: [(role: String, blocks: [JSONNode], turn: JSONNode)] = []
    var late: [Int: [JSONNode]] = [:]
    for turn in turns {
      let role = turn["role"]?.string ?? ""
      let blocks = turn["content"].map { $0.string.map { [JSONNode.text($0)] } ?? $0.elements } ?? []
      var own: [JSONNode] = []
      for block in blocks {
        if isResult(block), let place = places[block["tool_use_id"]?.string ?? ""], place < list.count - 1 {
          late[place, default: []].append(block)
        } else {
          own.append(block)
        }
      }
      if own.isEmpty, !blocks.isEmpty { continue }
      if let last = list.last, last.role == role, role == "user" || role == "assistant" {
        list[list.count - 1].blocks += own
      } else {
        list.append((role, own, turn))
      }
      for block in own where block["type"]?.string == "tool_use" {
        places[block["id"]?.string ?? ""] = list.count - 1
      }
    }
    return placed(list, late)
  }

  /// The turns, with late results in or before the turn behind their calls.
  private static func placed(
    _ list: [(role: String, blocks: [JSONNode], turn: JSONNode)], _ late: [Int: [JSONNode]]
  ) -> [JSONNode] {
    var result: [JSONNode] = []
    var results: [JSONNode] = []
    for (index, entry) in list.enumerated() {
      var turn = entry.turn
      if entry.role != "user", !results.isEmpty {
        result.append(.members(("role", .string("user")), ("content", .array(results))))
        results = []
      }
      turn.set("content", .array(results + entry.blocks))
      results = late[index] ?? []
      result.append(turn)
    }
    return result
  }
}
