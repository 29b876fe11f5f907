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

extension ToolRisk: Comparable {
  /// By what can go wrong: `read`, `write`, `execute`, `network`.
  public static func < (first: ToolRisk, second: ToolRisk) -> Bool { first.rank < second.rank }

  private var rank: Int {
    switch self {
    case .read: 0
    case .write: 1
    case .execute: 2
    case .network: 3
    }
  }
}
