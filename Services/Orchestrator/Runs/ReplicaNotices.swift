internal import Contracts
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import Telemetry

/// What the replicas tell each other: that there is work, and which runs have moved. Hints only, gathered for a moment
/// and never part of a commit: who misses one looks for himself within a second.
final class ReplicaNotices: Sendable {
  private static let channel = "cadre_orchestrator"
  /// Notices are gathered for so long before they are sent.
  private static let gathering = Duration.milliseconds(10)
  private static let helloInterval: UInt64 = 5_000_000_000
  /// A replica that was not heard of for so long is no reason to send anything.
  private static let silenceMax: UInt64 = 16_000_000_000
  /// More moved runs than fit one notification: everybody looks.
  private static let runsMax = 200

  private struct Pending {
    var hasWork = false
    var runs: Set<RunID> = []
    var othersSeen: UInt64 = 0
    var isGreeted = false
  }

  private let own = UUID.version7().description
  private let pool: PostgresPool
  private let listener: PostgresListener
  private let logger: Logger
  private let pending = Mutex(Pending())
  private let bell = Bell()

  init(pool: PostgresPool, logger: Logger) {
    self.pool = pool
    self.logger = logger
    listener = PostgresListener(pool: pool, channel: ReplicaNotices.channel)
  }

  /// Steps are ready.
  func work() { note { $0.hasWork = true } }

  /// A run has moved.
  func moved(_ run: RunID) {
    note { pending in
      if pending.runs.count <= ReplicaNotices.runsMax { pending.runs.insert(run) }
    }
  }

  /// Notes something, and wakes the sender with the first of it. Nobody hears what one says alone.
  private func note(_ body: (inout Pending) -> Void) {
    let isFirst = pending.withLock { pending in
      guard pending.othersSeen > 0 else { return false }
      let wasEmpty = !pending.hasWork && pending.runs.isEmpty
      body(&pending)
      return wasEmpty
    }
    if isFirst { bell.ring(1) }
  }

  /// Sends and hears until cancelled.
  func run(hub: RunHub, dispatcher: Dispatcher, timerBell: Bell) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await send() }
      group.addTask { [self] in
        for await notice in listener.notifications() { hear(notice, hub, dispatcher, timerBell) }
      }
      await group.next()
      listener.stop()
    }
  }

  private func send() async {
    var nextHello: UInt64 = 0
    while !Task.isCancelled {
      do {
        let ticket = bell.ticket()
        if pending.withLock({ !$0.hasWork && $0.runs.isEmpty && !$0.isGreeted }) {
          try await ticket.wait(until: max(nextHello, MonotonicClock.now()))
        } else {
          ticket.cancel()
        }
        try await EventLoop.sleep(for: ReplicaNotices.gathering)
        let now = MonotonicClock.now()
        let isHello = pending.withLock { $0.isGreeted } || now >= nextHello
        let text = gathered(now, isHello: isHello)
        guard let text else { continue }
        if isHello { nextHello = now &+ ReplicaNotices.helloInterval }
        _ = try await pool.query("select pg_notify($1, $2)", [ReplicaNotices.channel, text])
      } catch is CancellationError {
        return
      } catch {
        logger.debug("a notice was not sent", ["reason": .string("\(error)")])
      }
    }
  }

  /// What is to be said now; `nil` for nothing. Form: own id, `w` or `-`, and runs, or `*` for too many of them.
  private func gathered(_ now: UInt64, isHello: Bool) -> String? {
    pending.withLock { pending in
      if pending.othersSeen > 0, now > pending.othersSeen &+ ReplicaNotices.silenceMax { pending.othersSeen = 0 }
      let isAlone = pending.othersSeen == 0
      defer {
        pending.hasWork = false
        pending.isGreeted = false
        pending.runs.removeAll(keepingCapacity: true)
      }
      guard isHello || (!isAlone && (pending.hasWork || !pending.runs.isEmpty)) else { return nil }
      let runs =
        pending.runs.count > ReplicaNotices.runsMax ? "*" : pending.runs.map(\.description).joined(separator: ",")
      return "\(own) \(pending.hasWork ? "w" : "-") \(runs)"
    }
  }

  private func hear(_ notice: PostgresNotice, _ hub: RunHub, _ dispatcher: Dispatcher, _ timerBell: Bell) {
    guard case .payload(let text) = notice else {
      hub.movedAll()
      dispatcher.ring()
      return
    }
    let parts = text.split(separator: " ", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] != own else { return }
    let isNew = pending.withLock { pending in
      let isNew = pending.othersSeen == 0
      pending.othersSeen = MonotonicClock.now()
      pending.isGreeted = pending.isGreeted || isNew
      return isNew
    }
    // The other one shall know of this one, too.
    if isNew { bell.ring(1) }
    if parts[1] == "w" {
      dispatcher.ringLater()
      timerBell.ring(1)
    }
    if parts[2] == "*" { hub.movedAll() }
    for part in parts[2].split(separator: ",") { if let run = RunID(part) { hub.moved(run) } }
  }
}
