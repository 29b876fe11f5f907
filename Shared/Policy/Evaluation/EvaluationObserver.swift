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
  /// The evaluation of a rule ends, with values or without.
  case ends(isDefined: Bool)
}

/// Watches an evaluation, on its thread: for explanations.
public protocol EvaluationObserver: AnyObject {
  /// Something happens at a site.
  func observe(_ event: EvaluationEvent, at site: PolicySite)
}

extension EvaluationObserver {
  func note(_ event: EvaluationEvent, _ definition: Definition?, _ place: PolicyPlace) {
    observe(event, at: PolicySite(file: definition?.file ?? "query", place: place, rule: definition?.rule ?? ""))
  }
}
