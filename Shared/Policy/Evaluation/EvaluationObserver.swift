/// A rule or a statement and where it stands.
public struct PolicySite: Hashable, Sendable {
  /// The file.
  public let file: String
  /// Where in it.
  public let place: PolicyPlace
  /// The rule, from `data` on; empty for a query.
  public let rule: String

  /// Makes a site.
  public init(file: String, place: PolicyPlace, rule: String) {
    self.file = file
    self.place = place
    self.rule = rule
  }
}

/// What an observer sees.
public enum EvaluationEvent: Sendable {
  /// The evaluation of a rule begins.
  case enters
  /// A statement holds, in this way or another.
  case holds
  /// A statement does not hold.
  case fails
  /// A rule has a value, by the branch at this place.
  case gives(RegoValue)
  /// The evaluation of a rule ends without a value.
  case leaves
}

/// Watches an evaluation, on its thread: for coverage and explanations.
public protocol EvaluationObserver: AnyObject {
  /// Something happens at a site.
  func observe(_ event: EvaluationEvent, at site: PolicySite)
}

extension EvaluationObserver {
  func note(_ event: EvaluationEvent, _ definition: Definition?, _ place: PolicyPlace) {
    observe(event, at: PolicySite(file: definition?.file ?? "query", place: place, rule: definition?.rule ?? ""))
  }
}

extension PolicyProgram {
  /// Every rule, branch and statement that an observer can see: what coverage is measured against.
  public var sites: [PolicySite] {
    var sites: Set<PolicySite> = []
    for group in groups {
      for definition in group.definitions + (group.standard.map { [$0] } ?? []) {
        func add(_ place: PolicyPlace) {
          sites.insert(PolicySite(file: definition.file, place: place, rule: definition.rule))
        }
        add(definition.place)
        for branch in definition.branches {
          add(branch.place)
          branch.steps.forEachPlace(add)
        }
      }
    }
    return sites.sorted {
      ($0.file, $0.place.line, $0.place.column) < ($1.file, $1.place.line, $1.place.column)
    }
  }
}

extension [Step] {
  /// The places of all statements, those inside of others included.
  func forEachPlace(_ add: (PolicyPlace) -> Void) {
    for step in self {
      add(step.place)
      switch step.kind {
      case .not(let body), .with(_, let body), .every(_, _, _, let body): body.forEachPlace(add)
      case .test(let operation), .testEach(let operation), .assign(_, let operation), .iterate(_, _, let operation):
        operation.forEachPlace(add)
      case .match(let pattern, let operation), .matchEach(let pattern, let operation):
        pattern.forEachPlace(add)
        operation.forEachPlace(add)
      }
    }
  }
}

extension Operation {
  /// The places of statements in comprehensions and templates.
  func forEachPlace(_ add: (PolicyPlace) -> Void) {
    switch self {
    case .constant, .slot, .bind: break
    case .array(let list), .set(let list), .input(let list), .builtIn(_, let list), .function(_, let list):
      for operation in list { operation.forEachPlace(add) }
    case .object(let pairs):
      for (key, value) in pairs {
        key.forEachPlace(add)
        value.forEachPlace(add)
      }
    case .data(let path): for key in path.keys { key.forEachPlace(add) }
    case .lookup(let head, let keys):
      head.forEachPlace(add)
      for key in keys { key.forEachPlace(add) }
    case .comprehension(_, let heads, let body):
      for head in heads { head.forEachPlace(add) }
      body.forEachPlace(add)
    case .template(let pieces): for case .value(let body, _) in pieces { body.forEachPlace(add) }
    }
  }
}
