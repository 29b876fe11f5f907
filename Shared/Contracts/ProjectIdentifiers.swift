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
