/// Runs the programs of an expression over a text: the set of all instructions that may be next is carried from code
/// point to code point.
struct ExpressionMatcher {
  let programs: [[Instruction]]
  let text: [UInt32]

  /// Whether a program matches from a position on, or anywhere behind it when it is not anchored.
  func matches(program: Int, from start: Int, isAnchored: Bool, steps: inout Int) -> Bool {
    let code = programs[program]
    var current = InstructionSet(count: code.count)
    var following = InstructionSet(count: code.count)
    var position = start
    while true {
      if !isAnchored || position == start {
        if follow(0, code, position, &current, &steps) { return true }
      }
      guard position < text.count, steps >= 0 else { return false }
      if current.isEmpty {
        // Nothing is under way: an expression that begins with the start of the text cannot begin any more.
        if isAnchored { return false }
        if case .start = code[0] { return false }
      }
      let value = text[position]
      for index in current.members {
        steps -= 1
        let isTaken: Bool
        switch code[index] {
        case .scalar(let wanted): isTaken = wanted == value
        case .set(let set): isTaken = set.contains(value)
        default: isTaken = false
        }
        if isTaken, follow(index + 1, code, position + 1, &following, &steps) { return true }
      }
      swap(&current, &following)
      following.removeAll()
      position += 1
    }
  }

  /// Adds what can be reached without a code point. Returns whether that is the end of the program.
  private func follow(
    _ index: Int, _ code: [Instruction], _ position: Int, _ reached: inout InstructionSet, _ steps: inout Int
  ) -> Bool {
    var waiting = [index]
    while let index = waiting.popLast() {
      guard steps >= 0 else { return false }
      guard reached.insert(index) else { continue }
      steps -= 1
      switch code[index] {
      case .scalar, .set: continue
      case .accept: return true
      case .split(let first, let second):
        waiting.append(second)
        waiting.append(first)
      case .jump(let target): waiting.append(target)
      case .start: if position == 0 { waiting.append(index + 1) }
      case .end: if position == text.count { waiting.append(index + 1) }
      case .wordBoundary(let isInverted):
        let isBoundary = isWord(position - 1) != isWord(position)
        if isBoundary != isInverted { waiting.append(index + 1) }
      case .lookAhead(let program, let isInverted):
        let isThere = matches(program: program, from: position, isAnchored: true, steps: &steps)
        if isThere != isInverted { waiting.append(index + 1) }
      }
    }
    return false
  }

  private func isWord(_ position: Int) -> Bool {
    text.indices.contains(position) && ScalarSet.wordCharacters.contains(text[position])
  }
}

/// A set of instruction numbers that is emptied without being cleared.
private struct InstructionSet {
  private(set) var members: [Int] = []
  private var places: [Int]

  init(count: Int) { places = Array(repeating: 0, count: count) }

  var isEmpty: Bool { members.isEmpty }

  /// Adds a number; `false` when it was there already.
  mutating func insert(_ index: Int) -> Bool {
    let place = places[index]
    if place < members.count, members[place] == index { return false }
    places[index] = members.count
    members.append(index)
    return true
  }

  mutating func removeAll() { members.removeAll(keepingCapacity: true) }
}
