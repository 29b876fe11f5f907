internal import Synchronization

/// A batch on its way to a collector.
public struct OTLPRequest: Sendable {
  /// `Content-Type` of the body.
  public let contentType: String
  /// The encoded batch.
  public let body: [UInt8]
}

/// The outcome of sending a batch.
public enum OTLPResult: Sendable {
  /// Taken.
  case accepted
  /// Try again, after the delay that the collector asked for, if it did.
  case retry(after: Duration?)
  /// Never acceptable.
  case rejected
}

/// How batches reach the collector: a pause and a way to send, both of the process that exports.
public struct OTLPTransport: Sendable {
  private static let attemptsMax = 4
  private static let firstPause = Duration.milliseconds(500)
  private static let pauseMax = Duration.seconds(30)

  let sleep: @Sendable (Duration) async throws -> Void
  let send: @Sendable (OTLPRequest) async -> OTLPResult

  /// A transport of these parts.
  public init(
    sleep: @escaping @Sendable (Duration) async throws -> Void,
    send: @escaping @Sendable (OTLPRequest) async -> OTLPResult
  ) {
    self.sleep = sleep
    self.send = send
  }

  /// Sends a batch, up to four times with growing pauses. Returns whether it was taken.
  func deliver(_ request: OTLPRequest) async -> Bool {
    var pause = OTLPTransport.firstPause
    for attempt in 1...OTLPTransport.attemptsMax {
      switch await send(request) {
      case .accepted: return true
      case .rejected: return false
      case .retry(let asked):
        guard attempt < OTLPTransport.attemptsMax else { return false }
        do { try await sleep(min(asked ?? pause, OTLPTransport.pauseMax)) } catch { return false }
        pause = pause * 2
      }
    }
    return false
  }
}

/// What waits for its export, up to a number. What does not fit is dropped and counted, so that a collector that is
/// away or slow costs no request anything.
final class ExportQueue<Item: Sendable>: Sendable {
  /// A full batch does not wait longer than this.
  private static var tick: Duration { .milliseconds(100) }

  private let waiting = Mutex<[Item]>([])
  private let settings: OTLPBatchSettings
  private let exported: Counter
  private let dropped: Counter
  private let failed: Counter
  private let encode: @Sendable ([Item]) -> OTLPRequest

  init(
    settings: OTLPBatchSettings, exported: Counter, dropped: Counter, failed: Counter,
    encode: @escaping @Sendable ([Item]) -> OTLPRequest
  ) {
    self.settings = settings
    self.exported = exported
    self.dropped = dropped
    self.failed = failed
    self.encode = encode
  }

  func add(_ item: Item) {
    let fits = waiting.withLock { waiting in
      guard waiting.count < settings.queueMax else { return false }
      waiting.append(item)
      return true
    }
    if !fits { dropped.add() }
  }

  /// Exports until the task is cancelled: when the time has come, and as soon as a batch is full.
  func run(_ transport: OTLPTransport) async {
    let delay = Duration.milliseconds(settings.delayMilliseconds)
    while !Task.isCancelled {
      var waited = Duration.zero
      repeat {
        let pause = min(ExportQueue.tick, delay - waited)
        do { try await transport.sleep(pause) } catch { return }
        waited += pause
      } while waited < delay && waiting.withLock({ $0.count }) < settings.batchMax
      await flush(transport)
    }
  }

  /// Exports what waits now. With `givesUp` the first batch that cannot be delivered is the last one that is tried.
  func flush(_ transport: OTLPTransport, givesUp: Bool = false) async {
    var isAway = false
    while true {
      let batch = waiting.withLock { waiting in
        let batch = Array(waiting.prefix(settings.batchMax))
        waiting.removeFirst(batch.count)
        return batch
      }
      if batch.isEmpty { return }
      if !isAway, await transport.deliver(encode(batch)) {
        exported.add(UInt64(batch.count))
      } else if Task.isCancelled {
        // The process ends: it is tried once more then.
        return waiting.withLock { $0.insert(contentsOf: batch, at: 0) }
      } else {
        failed.add(UInt64(batch.count))
        isAway = givesUp
      }
    }
  }
}
