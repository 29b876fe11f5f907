internal import HTTP
internal import Ledger
internal import Reactor
internal import Synchronization
internal import Telemetry

/// Streams of virtual keys that are being sent. Their keys are looked at twice a second: what would refuse a new
/// request ends the stream, with an event in the dialect of the caller. The gateway, which ends streams of other
/// credentials, knows nothing of virtual keys.
package final class OpenStreams: Sendable {
  /// Two looks are within a second.
  static let interval = Duration.milliseconds(400)
  /// Looks after which a caller that does not read the end of its stream loses the connection.
  static let looksMax = 5

  /// A stream, while it is sent.
  struct Watched: Sendable {
    fileprivate let number: UInt64
    let cut: StreamCut
  }

  private struct Entry {
    let caller: CallPrincipal
    let answer: SentAnswer
    let loop: EventLoop
    let cut: StreamCut
    /// Looks since it was cut.
    var looks = 0
  }

  private struct Open {
    var entries: [UInt64: Entry] = [:]
    var last: UInt64 = 0
  }

  private let authenticator: CallerAuthenticator
  private let cuts: CounterFamily
  private let logger: Logger
  private let open = Mutex(Open())

  /// Looks by what new requests pass too.
  init(_ authenticator: CallerAuthenticator, telemetry: Telemetry) {
    self.authenticator = authenticator
    logger = telemetry.logger
    cuts = telemetry.registry.counter(
      "cadre_model_streams_cut_total",
      help: "Streams that were ended while they were sent, because their virtual key or its tenant is refused now.",
      labels: ["reason"])
  }

  /// Watches a stream that begins; nil for one that was not asked for with a virtual key. On the loop of the caller's
  /// connection.
  func add(_ caller: CallPrincipal, _ answer: SentAnswer) -> Watched? {
    guard caller.key != nil, let loop = EventLoop.current else { return nil }
    let entry = Entry(caller: caller, answer: answer, loop: loop, cut: StreamCut())
    let number = open.withLock { open in
      open.last &+= 1
      open.entries[open.last] = entry
      return open.last
    }
    // It may have waited for long.
    if let failure = refusal(of: caller) {
      note(failure, caller)
      entry.cut.cut(failure)
    }
    return Watched(number: number, cut: entry.cut)
  }

  /// The stream has come to its end.
  func remove(_ watched: Watched?) {
    guard let watched else { return }
    open.withLock { _ = $0.entries.removeValue(forKey: watched.number) }
  }

  private func isOpen(_ number: UInt64) -> Bool { open.withLock { $0.entries[number] != nil } }

  /// Looks until the task is cancelled.
  package func run() async {
    while true {
      do { try await EventLoop.sleep(for: OpenStreams.interval) } catch { return }
      look()
    }
  }

  /// One look at all streams.
  package func look() {
    for (number, entry) in open.withLock({ $0.entries }) {
      guard let failure = refusal(of: entry.caller) else { continue }
      let looks = open.withLock { open in
        open.entries[number]?.looks += 1
        return open.entries[number]?.looks ?? 0
      }
      if looks > OpenStreams.looksMax { entry.answer.abort { [self] in isOpen(number) } }
      entry.loop.execute { [self] in
        guard entry.cut.failure == nil, isOpen(number) else { return }
        note(failure, entry.caller)
        entry.cut.cut(failure)
      }
    }
  }

  private func refusal(of caller: CallPrincipal) -> CallFailure? {
    do {
      try authenticator.admit(caller)
      return nil
    } catch { return error }
  }

  private func note(_ failure: CallFailure, _ caller: CallPrincipal) {
    cuts.with(failure.code).add()
    logger.info(
      "a stream was ended with the right of its virtual key",
      ["caller": .string(caller.labels.principal), "reason": .string(failure.code)])
  }
}
