/// What the name of a model says about what it takes. Names that say nothing are taken for models of the common kind.
struct ModelName: Sendable, Hashable {
  /// How a model of Anthropic is asked to think.
  enum Thinking: Sendable, Hashable {
    /// Not at all.
    case none
    /// Up to a number of tokens.
    case budget
    /// As much as an effort stands for.
    case adaptive
  }

  private let name: String
  /// The version of a model of Anthropic.
  private let claude: (major: Int, minor: Int)?

  static func == (left: ModelName, right: ModelName) -> Bool { left.name == right.name }
  func hash(into hasher: inout Hasher) { hasher.combine(name) }

  init(_ name: String) {
    self.name = name
    claude = ModelName.version(of: name)
  }

  /// The numbers behind the name of the family. Every request asks for them, so nothing is copied.
  private static func version(of name: String) -> (major: Int, minor: Int)? {
    let family = Array("claude".utf8)
    var matched = 0
    var numbers: [Int] = []
    var digits = 0
    var value = 0
    func end() {
      // Numbers of more digits are dates.
      if matched == family.count, (1...2).contains(digits) { numbers.append(value) }
      digits = 0
      value = 0
    }
    for byte in name.utf8 {
      let letter = (65...90).contains(byte) ? byte + 32 : byte
      if matched < family.count {
        matched = letter == family[matched] ? matched + 1 : letter == family[0] ? 1 : 0
        continue
      }
      if (48...57).contains(byte) {
        digits += 1
        if digits <= 2 { value = value * 10 + Int(byte - 48) }
      } else {
        end()
      }
    }
    end()
    return numbers.first.map { ($0, numbers.dropFirst().first ?? 0) }
  }

  /// How the model is asked to think, with budgets where the name says nothing.
  var thinking: Thinking {
    guard let claude else { return .budget }
    switch (claude.major, claude.minor) {
    case (5..., _), (4, 6...): return .adaptive
    case (4, _), (3, 7...): return .budget
    default: return .none
    }
  }

  /// Whether only adaptive thinking is taken, and no sampling parameters.
  var isAdaptiveOnly: Bool {
    guard let claude else { return false }
    return claude.major >= 5 || (claude.major == 4 && claude.minor >= 7)
  }

  /// Whether temperature and top_p other than 1 are refused.
  var refusesSampling: Bool {
    if isAdaptiveOnly { return true }
    let last = name[(name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex)...]
    guard let first = last.utf8.first, first | 32 == UInt8(ascii: "o") || first | 32 == UInt8(ascii: "g") else {
      return false
    }
    let word = last.lowercased()
    if ["o1", "o3", "o4"].contains(where: { word == $0 || word.hasPrefix("\($0)-") }) { return true }
    return (word == "gpt-5" || word.hasPrefix("gpt-5-")) && !word.contains("chat")
  }
}
