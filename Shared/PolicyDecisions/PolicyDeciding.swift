public import Policy
public import Telemetry

/// Answers questions of policy. There is one in process and one that asks an OPA server.
public protocol PolicyDeciding: Sendable {
  /// Decides. Never fails: whatever goes wrong is a refusal with a reason.
  func decide(_ query: PolicyQuery) async -> PolicyAnswer
}

/// A question.
public struct PolicyQuery: Sendable {
  /// The document that is asked for, below `data`: `["cadre", "http", "decision"]`.
  public let path: [String]
  /// What the policies see as `input`. Small, without ids and times of the request: it is the key of the cache.
  public let input: RegoValue
  /// The tenant in whose name is asked; `nil` for nobody's.
  public let tenant: String?
  /// Whether nothing is changed by what is asked for: then the halt switch lets it pass.
  public let isReading: Bool
  /// Who asks, for the decision log: an address or a service.
  public let requestedBy: String
  /// The trace that the question is part of.
  public let trace: TraceContext?

  /// What was made of it ahead, if it was.
  let prepared: PreparedQuestion?

  /// Makes a question.
  public init(
    path: [String], input: RegoValue, tenant: String?, isReading: Bool = false, requestedBy: String = "",
    trace: TraceContext? = nil
  ) {
    self.trace = trace
    self.path = path
    self.input = input
    self.tenant = tenant
    self.isReading = isReading
    self.requestedBy = requestedBy
    prepared = nil
  }

  private init(_ query: PolicyQuery, prepared: PreparedQuestion?, trace: TraceContext?) {
    path = query.path
    input = query.input
    tenant = query.tenant
    isReading = query.isReading
    requestedBy = query.requestedBy
    self.prepared = prepared
    self.trace = trace
  }

  /// The same question with what can be made of it ahead: for one that is asked again and again.
  public func forRepetition() -> PolicyQuery { PolicyQuery(self, prepared: PreparedQuestion(input), trace: trace) }

  /// The same question as part of another trace.
  public func traced(_ trace: TraceContext?) -> PolicyQuery { PolicyQuery(self, prepared: prepared, trace: trace) }
}

/// What a policy says.
public enum PolicyEffect: String, Sendable, CaseIterable {
  /// It may be done.
  case allow
  /// It may not.
  case deny
  /// Somebody has to approve it first.
  case ask
}

/// Whether what policies say is done.
public enum PolicyMode: String, Sendable, CaseIterable {
  /// No policy is asked; everything is allowed.
  case off
  /// Policies are asked and what they say is logged; everything is allowed.
  case dryRun = "dry_run"
  /// What they say is done.
  case enforce
}

/// The answer to a question.
public struct PolicyAnswer: Sendable, Equatable {
  /// Whether it may be done at once.
  public var isAllowed: Bool { effect == .allow }
  /// Whether nobody could decide: no bundle is loaded, or the OPA server does not answer. It may not be done, and later
  /// the same question may be answered.
  public var isUndecided: Bool { effect == .deny && fault == .unavailable }
  /// What is to be done, after the mode.
  public let effect: PolicyEffect
  /// What the policies said, before the mode.
  public let decided: PolicyEffect
  /// Why, for the caller; no secrets.
  public let reasons: [String]
  /// A stable name of the reason for what no rule said: `undefined`, `conflict`, `error`, `timeout`, `limit`,
  /// `unavailable`, `halted`, `invalid_decision`; `nil` when a rule has spoken.
  public let fault: PolicyFault?
  /// The name of the rule that has spoken.
  public let rule: String?
  /// The id in the decision log; empty when nothing was asked.
  public let decisionID: String
  /// The mode that was in force for the tenant.
  public let mode: PolicyMode
  /// The digest of the bundle; empty when no bundle was asked.
  public let revision: String
  /// Whether the decision was made before.
  public let isFromCache: Bool

  /// Makes an answer.
  public init(
    effect: PolicyEffect, decided: PolicyEffect? = nil, reasons: [String] = [], fault: PolicyFault? = nil,
    rule: String? = nil, decisionID: String = "", mode: PolicyMode = .enforce, revision: String = "",
    isFromCache: Bool = false
  ) {
    self.effect = effect
    self.decided = decided ?? effect
    self.reasons = reasons
    self.fault = fault
    self.rule = rule
    self.decisionID = decisionID
    self.mode = mode
    self.revision = revision
    self.isFromCache = isFromCache
  }
}

/// Why no rule has spoken. Each of them is a refusal.
public enum PolicyFault: String, Sendable, CaseIterable {
  /// The document has no value.
  case undefined
  /// Rules contradict each other.
  case conflict
  /// A rule failed.
  case error
  /// The time of the question ran out.
  case timeout
  /// The question took more steps, depth or memory than it may.
  case limit
  /// The value is no decision.
  case invalidDecision = "invalid_decision"
  /// No bundle is loaded, or the OPA server does not answer.
  case unavailable
  /// Changes are halted.
  case halted
  /// The question is larger than it may be.
  case tooLarge = "too_large"
}
