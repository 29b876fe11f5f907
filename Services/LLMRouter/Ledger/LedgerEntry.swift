package import Contracts
package import Dialects
package import Pricing
package import Primitives

/// One call in the ledger, or an attempt of a call that was charged and did not become its answer.
package struct LedgerEntry: Sendable {
  /// Amounts beyond are cut, so that sums over many rows fit.
  package static let amountMax: Int64 = 9_000_000_000_000_000

  package let id: CallID
  package let tenant: TenantID
  package let startedAt: Timestamp
  package var endedAt: Timestamp
  package let dialect: Dialect
  package let labels: CallLabels
  package let modelAsked: String
  package var model: String?
  package var provider: String?
  package var route = ""
  package var outcome = "interrupted"
  package var cache = "off"
  package var attempts = 0
  package var usage = TokenUsage()
  package var isEstimated = false
  package var nanoUSD: Int64?
  package var savedNanoUSD: Int64 = 0
  package var chargedTokens: Int64 = 0
  package var chargedNanoUSD: Int64 = 0
  package var latencyMicroseconds: Int64 = 0
  package var firstTokenMicroseconds: Int64?
  /// The call that an attempt belongs to; nil for calls.
  package var callID: CallID?
  /// Attempts that were refused, as a JSON list; nil when none was.
  package var refused: String?

  /// A call that begins.
  package init(
    id: CallID, tenant: TenantID, startedAt: Timestamp, endedAt: Timestamp, dialect: Dialect, labels: CallLabels,
    modelAsked: String
  ) {
    self.id = id
    self.tenant = tenant
    self.startedAt = startedAt
    self.endedAt = endedAt
    self.dialect = dialect
    self.labels = labels
    self.modelAsked = modelAsked
  }

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
