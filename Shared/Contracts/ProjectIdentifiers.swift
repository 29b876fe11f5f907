/// Names projects.
public enum ProjectKind: IdentifiedKind {
  /// `project`
  public static let prefix = "project"
}
/// Names schedules.
public enum ScheduleKind: IdentifiedKind {
  /// `schedule`
  public static let prefix = "schedule"
}

/// A workspace of a tenant.
public typealias ProjectID = ID<ProjectKind>
/// A plan by which tasks are submitted.
public typealias ScheduleID = ID<ScheduleKind>

/// Names budgets.
public enum BudgetKind: IdentifiedKind {
  /// `budget`
  public static let prefix = "budget"
}
/// Names calls of models.
public enum CallKind: IdentifiedKind {
  /// `call`
  public static let prefix = "call"
}
/// Names rate limits.
public enum RateLimitKind: IdentifiedKind {
  /// `limit`
  public static let prefix = "limit"
}
/// Names virtual keys.
public enum KeyKind: IdentifiedKind {
  /// `key`
  public static let prefix = "key"
}

/// A limit on what may be spent.
public typealias BudgetID = ID<BudgetKind>
/// A limit on how fast models are called.
public typealias RateLimitID = ID<RateLimitKind>
/// One call of a model.
public typealias CallID = ID<CallKind>
/// A key that was made for a run.
public typealias KeyID = ID<KeyKind>
