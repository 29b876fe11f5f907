internal import AuditChain
internal import Primitives
internal import Reactor
internal import Synchronization
package import Telemetry

/// Verifies every chain from time to time, and removes entries whose time is over. Replicas share the work.
package final class AuditMaintenance: Sendable {
  private static let interval = Duration.seconds(60)
  private static let secondsOfDay: Int64 = 86_400

  private struct Found {
    var ageSeconds = 0.0
    var faulty: Int64 = 0
  }

  private let store: AuditStore
  private let verifyInterval: Duration
  private let retentionDays: Int
  private let logger: Logger
  private let found = Mutex(Found())
  private let removed: Counter

  /// Verifies each chain every `verifyInterval`; keeps entries `retentionDays` days, for ever with 0.
  package init(store: AuditStore, verifyInterval: Duration, retentionDays: Int, telemetry: Telemetry) {
    self.store = store
    self.verifyInterval = verifyInterval
    self.retentionDays = retentionDays
    logger = telemetry.logger
    removed = telemetry.registry.counter(
      "cadre_audit_removed_total", help: "Entries of the audit log that were removed because their time was over.")
    telemetry.registry.observeGauge(
      "cadre_audit_verification_age_seconds", help: "Time since the oldest of the last verifications of all chains."
    ) { [weak self] in self?.found.withLock { $0.ageSeconds } ?? 0 }
    telemetry.registry.observeGauge(
      "cadre_audit_chains_faulty", help: "Chains of the audit log whose last verification has found faults."
    ) { [weak self] in Double(self?.found.withLock { $0.faulty } ?? 0) }
  }

  /// Works until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      do { try await once() } catch is CancellationError { return } catch {
        logger.warning("the audit log could not be verified", ["reason": .string("\(error)")])
      }
      do { try await EventLoop.sleep(for: AuditMaintenance.interval) } catch { return }
    }
  }

  /// Verifies what is due, removes what is old, and looks how all chains are.
  package func once() async throws {
    let interval = verifyInterval.nanoseconds / 1_000_000_000
    while let chain = try await store.claimChain(olderThan: interval) {
      try Task.checkCancellation()
      let report = try await store.verify(chain)
      try await store.verified(report)
      if !report.isIntact { complain(report) }
    }
    if retentionDays > 0 { try await prune() }
    let state = try await store.state()
    found.withLock { $0 = Found(ageSeconds: state.ageSeconds, faulty: state.faulty) }
  }

  private func prune() async throws {
    var faulty: [AuditChainID] = []
    while true {
      try Task.checkCancellation()
      switch try await store.prune(
        olderThan: Int64(retentionDays) * AuditMaintenance.secondsOfDay, except: faulty)
      {
      case .nothing: return
      case .removed(_, let count): removed.add(UInt64(clamping: count))
      case .faulty(let chain): faulty.append(chain)
      }
    }
  }

  private func complain(_ report: AuditReport) {
    let first = report.faults.first
    logger.error(
      "a chain of the audit log has faults",
      [
        "chain": .string("\(report.chain)"), "count": .int(report.faultCount),
        "sequence": .int(first?.sequence ?? 0), "reason": .string(first?.kind.rawValue ?? ""),
      ])
  }
}
