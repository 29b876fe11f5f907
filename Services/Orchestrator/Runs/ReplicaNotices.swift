internal import Contracts
internal import Postgres
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
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
  private static let readers = "readers"

  private struct Pending {
    var hasWork = false
    var runs: Set<RunID> = []
    var othersSeen: UInt64 = 0
    var isGreeted = false
    /// When another replica said last that it has readers: only then is it of interest which runs move.
    var readersSeen: UInt64 = 0
    /// When this one said so.
    var readersSaid: UInt64 = 0
    var hasReaders = false
    /// Readers elsewhere shall look whatever has moved.
    var isForAll = false
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

  /// Whether other replicas were heard of lately.
  var hasOthers: Bool { pending.withLock { $0.othersSeen > 0 } }

  /// Steps are ready.
  func work() { note { $0.hasWork = true } }

  /// A run has moved.
  func moved(_ run: RunID) {
    note(isForReaders: true) { pending in
      if pending.runs.count <= ReplicaNotices.runsMax { pending.runs.insert(run) }
    }
  }

  /// Somebody waits here for a run to move.
  func reading() {
    let isNews = pending.withLock { pending in
      let now = MonotonicClock.now()
      pending.hasReaders = true
      guard pending.othersSeen > 0, now > pending.readersSaid &+ ReplicaNotices.helloInterval else { return false }
      pending.readersSaid = now
      pending.isGreeted = true
      return true
    }
    if isNews { bell.ring(1) }
  }

  /// Notes something, and wakes the sender with the first of it. Nobody hears what one says alone.
  private func note(isForReaders: Bool = false, _ body: (inout Pending) -> Void) {
    let isFirst = pending.withLock { pending in
      guard pending.othersSeen > 0, !isForReaders || pending.readersSeen > 0 else { return false }
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
        if pending.withLock({ !$0.hasWork && $0.runs.isEmpty && !$0.isGreeted && !$0.isForAll }) {
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

  /// What is to be said now; `nil` for nothing. Form: own id, `w` or `-`, and a list of runs, or `*` for too many of
  /// them, with `readers` when somebody waits here.
  private func gathered(_ now: UInt64, isHello: Bool) -> String? {
    pending.withLock { pending in
      if pending.othersSeen > 0, now > pending.othersSeen &+ ReplicaNotices.silenceMax { pending.othersSeen = 0 }
      if pending.readersSeen > 0, now > pending.readersSeen &+ ReplicaNotices.silenceMax { pending.readersSeen = 0 }
      let isAlone = pending.othersSeen == 0
      defer {
        pending.hasWork = false
        pending.isGreeted = false
        pending.isForAll = false
        if isHello { pending.hasReaders = false }
        pending.runs.removeAll(keepingCapacity: true)
      }
      guard isHello || (!isAlone && (pending.hasWork || pending.isForAll || !pending.runs.isEmpty)) else { return nil }
      let isForAll = pending.isForAll || pending.runs.count > ReplicaNotices.runsMax
      var runs = isForAll ? ["*"] : pending.runs.map(\.description)
      if isHello, pending.hasReaders {
        pending.readersSaid = now
        runs.append(ReplicaNotices.readers)
      }
      return "\(own) \(pending.hasWork ? "w" : "-") \(runs.joined(separator: ","))"
    }
  }

  /// Notes that another replica has readers. What moved before this was known, they may have missed.
  private func readersSeen() {
    let isNew = pending.withLock { pending in
      let isNew = pending.readersSeen == 0
      pending.readersSeen = MonotonicClock.now()
      pending.isForAll = pending.isForAll || isNew
      return isNew
    }
    if isNew { bell.ring(1) }
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
    for part in parts[2].split(separator: ",") {
      if part == "*" {
        hub.movedAll()
      } else if part == ReplicaNotices.readers {
        readersSeen()
      } else if let run = RunID(part) {
        hub.moved(run)
      }
    }
  }
}
