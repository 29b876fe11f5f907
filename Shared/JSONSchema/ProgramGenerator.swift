/// Makes instructions of the parts of an expression. Repetitions are unrolled.
struct ProgramGenerator {
  private let ignoresCase: Bool
  private(set) var programs: [[Instruction]] = []
  private var total = 0

  init(ignoresCase: Bool = false) { self.ignoresCase = ignoresCase }

  /// Adds the program of an expression and returns its number.
  @discardableResult
  mutating func add(_ part: ExpressionPart) throws(RegularExpressionError) -> Int {
    let number = programs.count
    programs.append([])
    var code: [Instruction] = []
    try emit(part, &code)
    try emit(.accept, to: &code)
    programs[number] = code
    return number
  }

  private mutating func emit(_ instruction: Instruction, to code: inout [Instruction]) throws(RegularExpressionError) {
    total += 1
    guard total <= RegularExpression.instructionsMax else {
      throw RegularExpressionError("its repetitions multiply to more than \(RegularExpression.instructionsMax) steps")
    }
    code.append(instruction)
  }

  private mutating func emit(_ part: ExpressionPart, _ code: inout [Instruction]) throws(RegularExpressionError) {
    switch part {
    case .empty: break
    case .scalar(let value):
      let others = ignoresCase ? ScalarSet.otherForms(of: value) : []
      if others.isEmpty { return try emit(.scalar(value), to: &code) }
      try emit(.set(ScalarSet(ranges: ([value] + others).map { $0...$0 })), to: &code)
    case .set(var set):
      set.ignoresCase = ignoresCase
      try emit(.set(set), to: &code)
    case .start: try emit(.start, to: &code)
    case .end: try emit(.end, to: &code)
    case .wordBoundary(let isInverted): try emit(.wordBoundary(isInverted: isInverted), to: &code)
    case .sequence(let parts): for part in parts { try emit(part, &code) }
    case .choice(let branches):
      var exits: [Int] = []
      for branch in branches.dropLast() {
        let split = code.count
        try emit(.split(split + 1, 0), to: &code)
        try emit(branch, &code)
        exits.append(code.count)
        try emit(.jump(0), to: &code)
        code[split] = .split(split + 1, code.count)
      }
      if let last = branches.last { try emit(last, &code) }
      for exit in exits { code[exit] = .jump(code.count) }
    case .repetition(let inner, let least, let most):
      for _ in 0..<least {
        let before = code.count
        try emit(inner, &code)
        // Nothing, repeated, stays nothing: the loop is bounded by the instructions that it makes.
        if code.count == before { break }
      }
      if let most {
        var splits: [Int] = []
        for _ in least..<most {
          splits.append(code.count)
          try emit(.split(code.count + 1, 0), to: &code)
          try emit(inner, &code)
        }
        for split in splits { code[split] = .split(split + 1, code.count) }
      } else {
        let split = code.count
        try emit(.split(split + 1, 0), to: &code)
        try emit(inner, &code)
        try emit(.jump(split), to: &code)
        code[split] = .split(split + 1, code.count)
      }
    case .lookAhead(let inner, let isInverted):
      try emit(.lookAhead(program: try add(inner), isInverted: isInverted), to: &code)
    }
  }
}
