/// A limit on what may be spent in a scope and period, in tokens, money or both.
public struct Budget: Hashable, Sendable {
  /// Its id, as text.
  public var id: String
  /// The tenant's id, as text.
  public var tenant: String
  /// What it is for.
  public var scope: BudgetScope
  /// Which one of them: an id or name; empty: each one of its own.
  public var subject: String
  /// How often it begins anew.
  public var period: BudgetPeriod
  /// Tokens, prompt and answer together.
  public var tokens: Int64?
  /// Billionths of a US dollar.
  public var nanoUSD: Int64?
  /// The part of the limit, in hundredths, from which on an alert is raised.
  public var alertPercent: Int64

  /// A budget.
  public init(
    id: String, tenant: String, scope: BudgetScope, subject: String, period: BudgetPeriod, tokens: Int64?,
    nanoUSD: Int64?, alertPercent: Int64 = 80
  ) {
    self.id = id
    self.tenant = tenant
    self.scope = scope
    self.subject = subject
    self.period = period
    self.tokens = tokens
    self.nanoUSD = nanoUSD
    self.alertPercent = alertPercent
  }
}

/// Who a call is for: the subject of each scope that it has one in.
public struct CallSubjects: Hashable, Sendable {
  /// The tenant's id, as text.
  public var tenant: String
  /// The subjects of the other scopes.
  public var names: [BudgetScope: String]

  /// The subjects of a call.
  public init(tenant: String, names: [BudgetScope: String] = [:]) {
    self.tenant = tenant
    self.names = names
  }

  /// The subject in a scope, nil when the call has none there.
  public subscript(_ scope: BudgetScope) -> String? { scope == .tenant ? tenant : names[scope] }
}

/// One counter that a call has to fit into: a budget, a unit, a window and a subject.
public struct BudgetCounter: Hashable, Sendable {
  /// What is counted.
  public enum Unit: String, Sendable, Hashable {
    /// Tokens, prompt and answer together.
    case tokens
    /// Billionths of a US dollar.
    case nanoUSD = "nano_usd"
  }

  /// The budget.
  public let budget: Budget
  /// What is counted.
  public let unit: Unit
  /// Whom the counter is for.
  public let subject: String
  /// Begin of the window, in seconds since 1970.
  public let start: Int64
  /// End of the window, in seconds since 1970; nil when there is none.
  public let end: Int64?
  /// What may be spent in the window.
  public let limit: Int64

  /// The name of the counter in the store: the same on every replica, different for each tenant, window and subject.
  public var key: String {
    "\(BudgetCounter.keyPrefix(tenant: budget.tenant))\(budget.id):\(unit.rawValue):\(start):\(subject)"
  }

  /// What the names of all counters of a tenant begin with.
  public static func keyPrefix(tenant: String) -> String { "budget:{\(tenant)}:" }
}

extension Budget {
  /// The counters of a call at an instant, in seconds since 1970; none when the budget does not concern it.
  public func counters(for call: CallSubjects, at seconds: Int64) -> [BudgetCounter] {
    guard tenant == call.tenant, let name = call[scope], subject.isEmpty || subject == name else { return [] }
    let window = period.window(at: seconds)
    var counters: [BudgetCounter] = []
    if let tokens {
      counters.append(
        BudgetCounter(budget: self, unit: .tokens, subject: name, start: window.start, end: window.end, limit: tokens))
    }
    if let nanoUSD {
      counters.append(
        BudgetCounter(
          budget: self, unit: .nanoUSD, subject: name, start: window.start, end: window.end, limit: nanoUSD))
    }
    return counters
  }
}
