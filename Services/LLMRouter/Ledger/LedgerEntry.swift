internal import Budgets
internal import Contracts
internal import Dialects
internal import Pricing
internal import Primitives

/// One call in the ledger, or an attempt of a call that was charged and did not become its answer.
struct LedgerEntry: Sendable {
  /// Amounts beyond are cut, so that sums over many rows fit.
  static let amountMax: Int64 = 9_000_000_000_000_000

  let id: CallID
  let tenant: TenantID
  let startedAt: Timestamp
  var endedAt: Timestamp
  let dialect: Dialect
  let labels: CallLabels
  let modelAsked: String
  var model: String?
  var provider: String?
  var route = ""
  var outcome = "interrupted"
  var cache = "off"
  var attempts = 0
  var usage = TokenUsage()
  var isEstimated = false
  var nanoUSD: Int64?
  var savedNanoUSD: Int64 = 0
  var chargedTokens: Int64 = 0
  var chargedNanoUSD: Int64 = 0
  var latencyMicroseconds: Int64 = 0
  var firstTokenMicroseconds: Int64?
  /// The call that an attempt belongs to; nil for calls.
  var callID: CallID?
  /// Attempts that were refused, as a JSON list; nil when none was.
  var refused: String?

  /// The row as a composite literal of PostgreSQL (section 8.16.6 of its manual), in the order of `call_entry_2`. The
  /// same text stands in the spool.
  var row: [UInt8] {
    var row = RowText(reservingBytes: 400)
    row.plain(id.uuid.description)
    row.plain(tenant.uuid.description)
    row.plain(startedAt.description)
    row.plain(endedAt.description)
    row.plain(dialect.rawValue)
    row.text(labels.principal)
    row.text(labels.project)
    row.text(labels.group)
    row.text(labels.run)
    row.text(labels.step)
    row.text(labels.agent)
    row.text(labels.tool)
    row.text(labels.key)
    row.text(CallLabels.plain(modelAsked))
    row.text(model)
    row.text(provider)
    row.text(CallLabels.plain(route))
    row.text(outcome)
    row.plain(cache)
    row.number(Int64(attempts))
    row.number(usage.input)
    row.number(usage.cacheRead)
    row.number(usage.cacheWrite.addingClamped(usage.cacheWriteLong))
    row.number(usage.output)
    row.number(usage.reasoning)
    row.plain(isEstimated ? "t" : "f")
    row.number(nanoUSD.map { min($0, LedgerEntry.amountMax) })
    row.number(min(savedNanoUSD, LedgerEntry.amountMax))
    row.number(min(chargedTokens, LedgerEntry.amountMax))
    row.number(min(chargedNanoUSD, LedgerEntry.amountMax))
    row.number(latencyMicroseconds)
    row.number(firstTokenMicroseconds)
    row.plain(callID?.uuid.description ?? "")
    row.plain(usage.tier.rawValue)
    row.number(usage.searches)
    row.number(usage.paidToolCalls)
    row.text(refused)
    return row.finished()
  }
}

/// Builds a composite literal.
private struct RowText {
  private var bytes: [UInt8] = []

  init(reservingBytes count: Int) {
    bytes.reserveCapacity(count)
    bytes.append(UInt8(ascii: "("))
  }

  private mutating func separate() { if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) } }

  /// A word without any byte that means something in a literal.
  mutating func plain(_ word: String) {
    separate()
    bytes += word.utf8
  }

  mutating func number(_ value: Int64?) {
    separate()
    if let value { bytes += String(value).utf8 }
  }

  /// Any text; nil is null, which is not the empty one.
  mutating func text(_ text: String?) {
    separate()
    guard let text else { return }
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }

  func finished() -> [UInt8] { bytes + [UInt8(ascii: ")")] }
}

/// What a call belongs to.
struct CallLabels: Sendable, Hashable {
  var principal = "unknown"
  var project: String?
  var group: String?
  var run: String?
  var step: String?
  var agent: String?
  var tool: String?
  var key: String?

  private static let bytesMax = 200

  /// A label that is fit for a table: short, without control characters.
  static func plain(_ text: String) -> String {
    guard text.utf8.count > bytesMax || text.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else {
      return text
    }
    return String(
      String.UnicodeScalarView(text.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.prefix(bytesMax / 4)))
  }

  /// Whom budgets are looked up for.
  func subjects(tenant: TenantID) -> CallSubjects {
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
