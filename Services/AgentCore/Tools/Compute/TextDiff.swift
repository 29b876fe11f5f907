/// A unified diff of two texts by lines (Myers' algorithm, bounded).
public enum TextDiff {
  /// Differences beyond which the rest is shown as replaced.
  private static let editsMax = 1000
  private static let linesMax = 50_000

  private enum Edit {
    case keep, remove, add
  }

  /// The diff; empty when both are equal.
  public static func run(_ before: String, _ after: String, contextLines: Int) -> Result<String, ComputeError> {
    let (old, new) = (TextLines.split(before), TextLines.split(after))
    guard old.count <= linesMax, new.count <= linesMax else {
      return .failure(ComputeError("only texts of at most \(linesMax) lines can be compared"))
    }
    var head = 0
    while head < old.count, head < new.count, old[head] == new[head] { head += 1 }
    var tail = 0
    while tail < old.count - head, tail < new.count - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] {
      tail += 1
    }
    let middle = edits(old[head..<(old.count - tail)], new[head..<(new.count - tail)])
    guard !middle.isEmpty else { return .success("") }
    let all = Array(repeating: Edit.keep, count: head) + middle + Array(repeating: Edit.keep, count: tail)
    return .success(write(all, old, new, contextLines))
  }

  /// The shortest script of edits, or all lines removed and added when that would take too long.
  private static func edits(_ old: ArraySlice<Substring>, _ new: ArraySlice<Substring>) -> [Edit] {
    let (old, new) = ids(old, new)
    let most = min(old.count + new.count, editsMax)
    var reach = [Int](repeating: 0, count: 2 * most + 3)
    var trace: [[Int]] = []
    let zero = most + 1
    for count in 0...most {
      trace.append(Array(reach[(zero - count)...(zero + count)]))
      for diagonal in stride(from: -count, through: count, by: 2) {
        let isDown =
          diagonal == -count || diagonal != count && reach[zero + diagonal - 1] < reach[zero + diagonal + 1]
        var x = isDown ? reach[zero + diagonal + 1] : reach[zero + diagonal - 1] + 1
        while x < old.count, x - diagonal < new.count, x - diagonal >= 0, old[x] == new[x - diagonal] { x += 1 }
        reach[zero + diagonal] = x
        if x >= old.count, x - diagonal >= new.count { return walk(trace, old.count, new.count) }
      }
    }
    return Array(repeating: .remove, count: old.count) + Array(repeating: .add, count: new.count)
  }

  /// Back from the end through the furthest points of each count of edits.
  private static func walk(_ trace: [[Int]], _ oldCount: Int, _ newCount: Int) -> [Edit] {
    var edits: [Edit] = []
    var (x, y) = (oldCount, newCount)
    for count in stride(from: trace.count - 1, through: 0, by: -1) {
      let reach = trace[count]
      func at(_ diagonal: Int) -> Int { reach.indices.contains(count + diagonal) ? reach[count + diagonal] : 0 }
      let diagonal = x - y
      let isDown = diagonal == -count || diagonal != count && at(diagonal - 1) < at(diagonal + 1)
      let before = isDown ? diagonal + 1 : diagonal - 1
      let startX = count == 0 ? 0 : at(before)
      let startY = count == 0 ? 0 : startX - before
      while x > startX, y > startY, x > 0, y > 0 {
        edits.append(.keep)
        x -= 1
        y -= 1
      }
      guard count > 0 else { break }
      edits.append(isDown ? .add : .remove)
      (x, y) = (startX, startY)
    }
    return edits.reversed()
  }

  /// Lines as numbers, so that they are compared once.
  private static func ids(_ old: ArraySlice<Substring>, _ new: ArraySlice<Substring>) -> ([Int], [Int]) {
    var known: [Substring: Int] = [:]
    func id(_ line: Substring) -> Int {
      if let id = known[line] { return id }
      known[line] = known.count
      return known.count - 1
    }
    return (old.map(id), new.map(id))
  }

  private static func write(_ edits: [Edit], _ old: [Substring], _ new: [Substring], _ context: Int) -> String {
    // Edits that are shown: changes and what is near one.
    var shows = [Bool](repeating: false, count: edits.count)
    for (place, edit) in edits.enumerated() {
      guard case .keep = edit else {
        for near in max(0, place - context)...min(edits.count - 1, place + context) { shows[near] = true }
        continue
      }
    }
    var text = "--- before\n+++ after"
    var (x, y) = (0, 0)
    var place = 0
    while place < edits.count {
      guard shows[place] else {
        x += 1
        y += 1
        place += 1
        continue
      }
      var body = ""
      let (firstX, firstY) = (x, y)
      while place < edits.count, shows[place] {
        switch edits[place] {
        case .keep:
          body += "\n " + old[x]
          x += 1
          y += 1
        case .remove:
          body += "\n-" + old[x]
          x += 1
        case .add:
          body += "\n+" + new[y]
          y += 1
        }
        place += 1
      }
      text += "\n@@ -\(range(firstX, x)) +\(range(firstY, y)) @@" + body
    }
    return text
  }

  private static func range(_ first: Int, _ end: Int) -> String {
    // A range without lines is named by the line before it.
    "\(end > first ? first + 1 : first),\(end - first)"
  }
}
