/// What a tool can do at worst. Policies and approvals select by it.
public enum ToolRisk: String, Hashable, Sendable, CaseIterable {
  /// Computes, or reads what belongs to the run or its project. Changes nothing.
  case read
  /// Changes what belongs to the run or its project.
  case write
  /// Runs code.
  case execute
  /// Reaches other systems.
  case network
}
