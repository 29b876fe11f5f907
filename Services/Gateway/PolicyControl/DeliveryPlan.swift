internal import Contracts
internal import PolicyDecisions

/// What is delivered to a service next: what is stored here against what it has confirmed. Pure.
enum DeliveryPlan: Equatable {
  /// It has all.
  case nothing
  /// The switches and the page of tenants' data behind a number.
  case page(after: Int64)
  /// It has seen what is not stored here: an older state of the database was restored. An epoch behind `seen` begins.
  case newEpoch(seen: Int64)

  /// `receipt` is what the service has confirmed. `stored` must have been read after the receipt was made: then only a
  /// restored database is behind it.
  init(for receipt: PolicyReceipt, stored: StoredSwitches) {
    let switches = PolicyRevision(epoch: stored.epoch, number: Int64(stored.version))
    let data = PolicyRevision(epoch: stored.epoch, number: stored.dataRevision)
    if receipt.switches > switches || receipt.data > data {
      self = .newEpoch(seen: max(receipt.switches.epoch, receipt.data.epoch))
    } else if receipt.data.epoch < stored.epoch {
      self = .page(after: 0)
    } else if receipt.data < data || receipt.switches < switches || !receipt.isComplete {
      self = .page(after: receipt.data.number)
    } else {
      self = .nothing
    }
  }

  /// The page behind `after` of the rows that were read, `limit` at most; less when their documents are large.
  static func page(
    after: Int64, _ rows: [StoredPolicyData], limit: Int, of stored: StoredSwitches
  ) -> PolicyDelivery {
    var (taken, bytes): ([PolicyDelivery.Row], Int) = ([], 0)
    for row in rows {
      guard taken.isEmpty || bytes + row.document.utf8.count <= PolicyDelivery.documentsBytesMax else { break }
      bytes += row.document.utf8.count
      taken.append(
        PolicyDelivery.Row(
          tenant: row.tenant, number: row.revision, document: row.document, isSuspended: row.isSuspended))
    }
    let isLast = taken.count == rows.count && rows.count < limit
    let reached = taken.last?.number ?? after
    return PolicyDelivery(
      switches: DeliveredSwitches(
        revision: PolicyRevision(epoch: stored.epoch, number: Int64(stored.version)), mode: stored.mode?.rawValue,
        canaryPercent: stored.canaryPercent, isHalted: stored.isHalted),
      after: after, through: isLast ? max(stored.dataRevision, reached) : reached, isLast: isLast, rows: taken)
  }
}
