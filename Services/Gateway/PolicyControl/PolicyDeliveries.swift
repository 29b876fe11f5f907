package import Contracts
internal import Postgres
package import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// A service that keeps a copy of what is said about policies.
package protocol PolicyReceiving: Sendable {
  /// Its name, in metrics and answers.
  var name: String { get }
  /// What it has stored.
  func receipt() async throws -> PolicyReceipt
  /// Has it store a page; returns what it has then.
  func take(_ delivery: PolicyDelivery) async throws -> PolicyReceipt
}

/// What a service has confirmed, as this gateway knows it.
package struct DeliveryState: Sendable {
  /// The service.
  package let name: String
  /// What it has stored; `nil` before it has answered for the first time.
  package internal(set) var receipt: PolicyReceipt?
  /// When it last had all that is stored here.
  package internal(set) var confirmedAt: Timestamp?
  /// Since when it lacks something, in monotonic nanoseconds; `nil` while it has all.
  package internal(set) var lacksSince: UInt64?
  /// Why nothing could be delivered to it; `nil` while it answers.
  package internal(set) var fault: String?
}

/// Delivers to the services behind the gateway what is stored about policies: when it changes here, when another
/// gateway has changed it, and every two seconds what a service lacks. Every gateway does this; a second delivery
/// changes nothing.
package final class PolicyDeliveries: Sendable {
  /// Pages of one round; what is missing then follows in the next one.
  private static let pagesMax = 2000
  private static let faultBytesMax = 300

  private let store: PolicyStore
  private let receivers: [any PolicyReceiving]
  private let interval: Duration
  private let pageRows: Int
  private let deliveries: CounterFamily
  private let logger: Logger
  private let states: Mutex<[DeliveryState]>
  private let wakes = Mutex<[AsyncStream<Void>.Continuation]>([])

  /// Makes it for services.
  package init(
    _ store: PolicyStore, to receivers: [any PolicyReceiving], every interval: Duration = .seconds(2),
    pageRows: Int = PolicyDelivery.rowsMax, telemetry: Telemetry
  ) {
    self.store = store
    self.receivers = receivers
    self.interval = interval
    self.pageRows = min(pageRows, PolicyDelivery.rowsMax)
    logger = telemetry.logger
    let now = MonotonicClock.now()
    states = Mutex(receivers.map { DeliveryState(name: $0.name, lacksSince: now) })
    deliveries = telemetry.registry.counter(
      "cadre_gateway_policy_deliveries_total",
      help: "Pages of switches and tenants' data of policies for a service, by outcome.",
      labels: ["service", "outcome"])
    for (place, receiver) in receivers.enumerated() {
      telemetry.registry.observeGauge(
        "cadre_gateway_policy_undelivered_seconds",
        help:
          "Time since a service first lacked what is stored about policies, as this gateway knows; 0 while it has all.",
        labels: [(name: "service", value: receiver.name)]
      ) { [weak self] in self?.undelivered(place) ?? 0 }
    }
  }

  private func undelivered(_ place: Int) -> Double {
    guard let since = states.withLock({ $0[place].lacksSince }) else { return 0 }
    return Double(MonotonicClock.now() &- since) / 1e9
  }

  /// What each service has confirmed.
  package var now: [DeliveryState] { states.withLock { $0 } }

  /// Something has changed: it is delivered at once.
  package func wake() { for wake in wakes.withLock({ $0 }) { wake.yield() } }

  /// Works until the task is cancelled. To be called from a task on an event loop.
  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      for place in receivers.indices {
        let (stream, wake) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        wakes.withLock { $0.append(wake) }
        wake.yield()
        group.addTask { [interval] in
          while true {
            do { try await EventLoop.sleep(for: interval) } catch { return }
            wake.yield()
          }
        }
        group.addTask { [self] in for await _ in stream { await update(place) } }
      }
    }
  }

  // MARK: One service

  /// Delivers to a service what it lacks.
  func update(_ place: Int) async {
    do {
      try await deliver(place)
      note(place) { state in
        state.fault = nil
        state.lacksSince = nil
        state.confirmedAt = WallClock.now()
      }
    } catch is CancellationError { return } catch {
      deliveries.with(receivers[place].name, "failed").add()
      let now = MonotonicClock.now()
      let text = String(decoding: "\(error)".utf8.prefix(PolicyDeliveries.faultBytesMax), as: UTF8.self)
      let didAnswer = states.withLock { states in
        defer {
          states[place].fault = text
          states[place].lacksSince = states[place].lacksSince ?? now
        }
        return states[place].fault == nil
      }
      guard didAnswer else { return }
      logger.warning(
        "policies could not be delivered to a service; what it knows stays in force there",
        ["service": .string(receivers[place].name), "error": .string(text)])
    }
  }

  private func note(_ place: Int, _ change: (inout DeliveryState) -> Void) {
    states.withLock { change(&$0[place]) }
  }

  private func deliver(_ place: Int) async throws {
    let receiver = receivers[place]
    var receipt = try await receiver.receipt()
    for _ in 0..<PolicyDeliveries.pagesMax {
      note(place) { $0.receipt = receipt }
      // Behind the receipt: what the service has seen is here, unless this database was set back.
      guard let stored = try await store.switches() else { return }
      switch DeliveryPlan(for: receipt, stored: stored) {
      case .nothing: return
      case .newEpoch(let seen):
        logger.warning(
          "a service has seen changes of policies that are not stored here: an older state of the database was "
            + "restored. All is delivered again",
          ["service": .string(receiver.name), "epoch": .int(seen &+ 1)])
        try await store.beginEpoch(after: seen)
      case .page(let after):
        let now = MonotonicClock.now()
        note(place) { $0.lacksSince = $0.lacksSince ?? now }
        let rows = try await store.changes(after: after, limit: pageRows)
        let page = DeliveryPlan.page(after: after, rows, limit: pageRows, of: stored)
        let next = try await receiver.take(page)
        deliveries.with(receiver.name, "delivered").add()
        guard next != receipt else { throw DeliveryStalled() }
        receipt = next
      }
    }
  }
}

/// A service has taken a page and has no more than before.
struct DeliveryStalled: Error, CustomStringConvertible {
  let description = "the service takes nothing of what is delivered"
}
