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
    self.name = name.lowercased()
    let words = self.name.split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
    guard let start = words.firstIndex(of: "claude") else {
      claude = nil
      return
    }
    // Numbers of more digits are dates.
    let numbers = words[start...].filter { $0.count <= 2 }.compactMap { Int($0) }
    claude = numbers.first.map { ($0, numbers.dropFirst().first ?? 0) }
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
    let last = name.split(separator: "/").last ?? ""
    if ["o1", "o3", "o4"].contains(where: { last == $0 || last.hasPrefix("\($0)-") }) { return true }
    return (last == "gpt-5" || last.hasPrefix("gpt-5-")) && !last.contains("chat")
  }
}
