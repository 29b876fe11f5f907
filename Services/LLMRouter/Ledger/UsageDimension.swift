internal import Budgets

/// A name by which calls are grouped, for example their model.
package struct UsageDimension: Sendable {
  /// Its name in the API.
  package let name: String
  /// Its column in `call` and in the sums by hour; nil for all calls together.
  let column: String?
  /// Its number in `usage_sum`, as the schema has it; nil for names of single runs and steps, of which there are no
  /// sums.
  let number: Int?
  /// A condition of the index of the column, with the values that fulfil it.
  var partial: (condition: String, holds: @Sendable (String) -> Bool)?

  private init(
    _ name: String, column: String? = nil, number: Int?,
    partial: (condition: String, holds: @Sendable (String) -> Bool)? = nil
  ) {
    self.name = name
    self.column = column ?? name
    self.number = number
    self.partial = partial
  }

  /// All dimensions of the API.
  package static let all = [
    project, group, agent, tool, key, UsageDimension("run", number: nil), UsageDimension("step", number: nil),
    UsageDimension("principal", number: 6), UsageDimension("model", number: 7),
    UsageDimension("model_asked", number: 8), UsageDimension("provider", number: 9),
    UsageDimension("outcome", number: 10, partial: ("outcome <> 'ok'", { $0 != "ok" })),
    UsageDimension(
      "cache", number: 11, partial: ("cache not in ('off', 'miss')", { $0 != "off" && $0 != "miss" })),
    UsageDimension("dialect", number: 12, partial: ("dialect <> 'chat'", { $0 != "chat" })),
  ]

  /// The names by how few calls one value has, as a rule; the first that a query filters by selects its calls.
  static let bySelectivity = [
    "step", "run", "outcome", "cache", "key", "principal", "agent", "tool", "group", "project", "dialect", "model",
    "model_asked", "provider",
  ]

  private static let project = UsageDimension("project", number: 1)
  private static let group = UsageDimension("group", column: "\"group\"", number: 2)
  private static let agent = UsageDimension("agent", number: 3)
  private static let tool = UsageDimension("tool", number: 4)
  private static let key = UsageDimension("key", number: 5)

  // MARK: Budgets

  /// All calls of a tenant.
  private init() {
    name = ""
    column = nil
    number = 0
  }

  /// The dimension that a budget of a scope sums; nil for single runs.
  init?(of scope: BudgetScope) {
    switch scope {
    case .tenant: self = UsageDimension()
    case .project: self = .project
    case .group: self = .group
    case .agent: self = .agent
    case .tool: self = .tool
    case .key: self = .key
    case .run: return nil
    }
  }

  /// The value in a row of the sums by hour that a budget of a scope goes by, in SQL.
  static func budgetValue(of alias: String, number: String) -> String {
    let cases = BudgetScope.allCases.compactMap { scope -> String? in
      guard let dimension = UsageDimension(of: scope), let column = dimension.column, let value = dimension.number
      else { return nil }
      return "when \(value) then \(alias).\(column)"
    }
    return "case \(number) \(cases.joined(separator: " ")) end"
  }
}

/// The length of the buckets of `usage_sum`, by the numbers of the schema.
enum UsageGrain: Int, Sendable {
  case hour = 0
  case day = 1

  /// Windows begin and end with whole hours, all but those of an hour with whole days.
  init(of period: BudgetPeriod) { self = period == .hour ? .hour : .day }
}
