package import Budgets
package import Contracts

/// What a call belongs to.
package struct CallLabels: Sendable, Hashable {
  package var principal = "unknown"
  package var project: String?
  package var group: String?
  package var run: String?
  package var step: String?
  package var agent: String?
  package var tool: String?
  package var key: String?

  /// Labels of which nothing is known.
  package init() {}

  private static let bytesMax = 200

  /// A label that is fit for a table: short, without control characters.
  package static func plain(_ text: String) -> String {
    guard text.utf8.count > bytesMax || text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
      return text
    }
    return String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(bytesMax / 4)))
  }

  /// Whom budgets are looked up for.
  package func subjects(tenant: TenantID) -> CallSubjects {
    var names: [BudgetScope: String] = [:]
    names[.project] = project
    names[.group] = group
    names[.run] = run
    names[.agent] = agent
    names[.tool] = tool
    names[.key] = key
    return CallSubjects(tenant: tenant.description, names: names)
  }
}
