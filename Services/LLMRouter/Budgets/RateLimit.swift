/// What a rate limit is for. The raw values are part of the API.
public enum RateScope: String, Sendable, CaseIterable, Hashable {
  /// A model, for all tenants together: what its provider allows.
  case model
  /// The whole tenant.
  case tenant
  /// A project of the tenant.
  case project
  /// A group of projects or people.
  case group
  /// A single run.
  case run
  /// An agent, by name.
  case agent
  /// A tool on whose behalf a model is called, by name.
  case tool
  /// An API key or virtual key, by name.
  case key
}

/// How fast and how many at once. Requests and tokens are buckets that hold a minute's worth and fill steadily.
public struct RateLimit: Hashable, Sendable {
  /// Its id, as text.
  public var id: String
  /// The tenant's id, as text; empty for models.
  public var tenant: String
  /// What it is for.
  public var scope: RateScope
  /// Which one of them; empty: each one of its own.
  public var subject: String
  /// Requests per minute.
  public var requests: Int64?
  /// Tokens per minute, prompt and answer together.
  public var tokens: Int64?
  /// Calls at the same time.
  public var concurrency: Int64?

  /// A limit.
  public init(
    id: String, tenant: String, scope: RateScope, subject: String, requests: Int64?, tokens: Int64?,
    concurrency: Int64?
  ) {
    self.id = id
    self.tenant = tenant
    self.scope = scope
    self.subject = subject
    self.requests = requests
    self.tokens = tokens
    self.concurrency = concurrency
  }

  /// The limit for the subject of a call, nil when it does not concern it.
  public func applied(to call: CallSubjects) -> AppliedRateLimit? {
    guard let scope = BudgetScope(rawValue: scope.rawValue), tenant == call.tenant, let name = call[scope],
      subject.isEmpty || subject == name
    else { return nil }
    return AppliedRateLimit(limit: self, subject: name)
  }

  /// The limit for a model, nil when it is for something else.
  public func applied(toModel model: String) -> AppliedRateLimit? {
    scope == .model && (subject.isEmpty || subject == model) ? AppliedRateLimit(limit: self, subject: model) : nil
  }
}

/// A limit for one subject.
public struct AppliedRateLimit: Hashable, Sendable {
  /// The limit.
  public let limit: RateLimit
  /// Whom it is applied to.
  public let subject: String

  /// Its name in the store: the same on every replica, different for each tenant and subject. What stands in braces is
  /// the same for all limits that a call acquires at once, so that a cluster keeps them on one slot: the tenant, or for
  /// limits of models, which belong to none, the model.
  public var key: String {
    limit.tenant.isEmpty ? "rate:{model:\(subject)}:\(limit.id)" : "rate:{\(limit.tenant)}:\(limit.id):\(subject)"
  }
}
