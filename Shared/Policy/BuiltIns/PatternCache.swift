internal import Synchronization

/// Expressions and globs of a program that were read before: policies use the same few again and again. What is kept is
/// bounded; when it is full, it begins anew.
final class PatternCache: Sendable {
  private static let kept = 256

  private struct GlobKey: Hashable, Sendable {
    let pattern: String
    let delimiters: [Unicode.Scalar]
  }

  private struct Known: Sendable {
    var patterns: [String: Pattern] = [:]
    var globs: [GlobKey: Glob] = [:]
  }

  private let known = Mutex(Known())

  /// An expression. Throws when it is malformed, which is not kept.
  func pattern(_ source: String) throws -> Pattern {
    if let pattern = known.withLock({ $0.patterns[source] }) { return pattern }
    let pattern = try Pattern(source)
    known.withLock { known in
      if known.patterns.count >= PatternCache.kept { known.patterns.removeAll() }
      known.patterns[source] = pattern
    }
    return pattern
  }

  /// A glob; `nil` when it is malformed, which is not kept.
  func glob(_ pattern: String, delimiters: [Unicode.Scalar]) -> Glob? {
    let key = GlobKey(pattern: pattern, delimiters: delimiters)
    if let glob = known.withLock({ $0.globs[key] }) { return glob }
    guard let glob = Glob(pattern, delimiters: delimiters) else { return nil }
    known.withLock { known in
      if known.globs.count >= PatternCache.kept { known.globs.removeAll() }
      known.globs[key] = glob
    }
    return glob
  }
}

extension Evaluator {
  /// Searches with a budget of steps of expressions, of which so many are one step of the question.
  func searching<Result>(_ search: (inout Int) throws -> Result) throws -> Result {
    let perStep = 16
    let budget = min(Pattern.stepsMax, stepsLeft * perStep)
    var left = budget
    let result = try search(&left)
    try work((budget - left) / perStep)
    return result
  }
}
