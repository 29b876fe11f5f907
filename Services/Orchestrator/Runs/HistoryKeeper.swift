internal import Postgres
internal import Primitives
internal import Reactor
internal import RunStorage
internal import Telemetry

/// Keeps the tables small: moves old histories into the archive and forgets runs whose time is over.
final class HistoryKeeper: Sendable {
  private static let interval = Duration.seconds(10)
  /// Runs of one statement, so that none holds its locks for long.
  private static let runsMax = 200
  private static let payloadsMax = 1000

  private let store: RunStore
  private let archiveAfter: Duration
  private let pruneAfter: Duration
  private let metrics: RunMetrics
  private let logger: Logger

  init(store: RunStore, archiveAfter: Duration, pruneAfter: Duration, metrics: RunMetrics, logger: Logger) {
    self.store = store
    self.archiveAfter = archiveAfter
    self.pruneAfter = pruneAfter
    self.metrics = metrics
    self.logger = logger
  }

  /// Works until cancelled.
  func run() async {
    while !Task.isCancelled {
      do {
        if try await !tidy() { try await EventLoop.sleep(for: HistoryKeeper.interval) }
      } catch is CancellationError {
        return
      } catch {
        logger.warning("old histories could not be put away", ["reason": .string("\(error)")])
        try? await EventLoop.sleep(for: HistoryKeeper.interval)
      }
    }
  }

  /// Puts one portion away. Returns whether there may be more.
  private func tidy() async throws -> Bool {
    var isMore = false
    if archiveAfter > .zero {
      let count = try await store.archive(
        endedBefore: archiveAfter.milliseconds / 1000, limit: HistoryKeeper.runsMax)
      metrics.archivedRuns.add(UInt64(count))
      isMore = count == HistoryKeeper.runsMax
    }
    if pruneAfter > .zero {
      let count = try await store.prune(endedBefore: pruneAfter.milliseconds / 1000, limit: HistoryKeeper.runsMax)
      let payloads = try await store.prunePayloads(limit: HistoryKeeper.payloadsMax)
      isMore = isMore || count == HistoryKeeper.runsMax || payloads == HistoryKeeper.payloadsMax
    }
    return isMore
  }
}
