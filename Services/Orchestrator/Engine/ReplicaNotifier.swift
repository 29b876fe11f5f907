internal import Contracts
internal import Postgres
internal import Primitives
internal import Reactor
package import RunStorage
internal import StepDispatch
internal import Synchronization
internal import SystemSources
package import Telemetry

/// Sends hints to the other replicas and passes theirs on. Hints are gathered for a moment and never part of a commit.
package final class ReplicaNotifier: Sendable {
  /// Hints are gathered for so long before they are sent.
  private static let gathering = Duration.milliseconds(10)

  private let channel: ReplicaChannel
  private let logger: Logger
  private let state = Mutex(ReplicaNotificationStateMachine(own: UUID.version7().description))
  private let wakeSignal = WakeSignal()

  /// A notifier that sends nothing before `run`.
  package init(channel: ReplicaChannel, logger: Logger) {
    self.channel = channel
    self.logger = logger
  }

  /// Whether other replicas have sent something lately.
  var hasOthers: Bool { state.withLock { $0.hasOthers } }

  /// Steps are ready.
  func stepsReady() { if state.withLock({ $0.stepsReady() }) { wakeSignal.wake() } }

  /// A run has changed.
  func runChanged(_ run: RunID) { if state.withLock({ $0.runChanged(run) }) { wakeSignal.wake() } }

  /// Somebody watches a run here.
  func readerCame() {
    if state.withLock({ $0.readerCame(now: MonotonicClock.now()) }) { wakeSignal.wake() }
  }

  /// Sends and receives until cancelled.
  func run(_ engine: Engine) async {
    let listener = channel.listener()
    await withTaskGroup(of: Void.self) { group in
      group.addTask { [self] in await send() }
      group.addTask { [self] in
        for await notice in listener.notifications() { received(notice, engine) }
      }
      await group.next()
      listener.stop()
    }
  }

  private func send() async {
    while !Task.isCancelled {
      do {
        let token = wakeSignal.register()
        if let until = state.withLock({ $0.idleUntil }) {
          try await token.wait(until: max(until, MonotonicClock.now()))
        } else {
          token.cancel()
        }
        try await EventLoop.sleep(for: ReplicaNotifier.gathering)
        guard let text = state.withLock({ $0.message(now: MonotonicClock.now()) }) else { continue }
        try await channel.notify(text)
      } catch is CancellationError {
        return
      } catch {
        logger.debug("a notification was not sent", ["reason": .string("\(error)")])
      }
    }
  }

  private func received(_ notice: PostgresNotice, _ engine: Engine) {
    guard case .payload(let text) = notice else {
      engine.watchers.notifyAll()
      engine.dispatcher.wake()
      return
    }
    guard let notification = state.withLock({ $0.received(text, now: MonotonicClock.now()) }) else { return }
    if notification.wakesSender { wakeSignal.wake() }
    if notification.hasSteps {
      engine.dispatcher.wakeForOtherReplica()
      engine.timerSignal.wake()
    }
    if notification.isForAllRuns { engine.watchers.notifyAll() }
    for run in notification.runs { engine.watchers.notify(run) }
  }
}
