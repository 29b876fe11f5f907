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

/// Gathers finished spans and exports them in batches, aside from all requests: what does not fit is dropped and
/// counted.
public final class SpanExporter: SpanSink {
  private static let attemptsMax = 4

  private let queue = Mutex<[FinishedSpan]>([])
  private let settings: OTelSettings
  private let resource: [(key: String, value: AttributeValue)]
  private let exported: Counter
  private let dropped: Counter
  private let failed: Counter

  /// Makes an exporter; `run` does the work.
  public init(settings: OTelSettings, service: String, version: String, instance: String, registry: MetricsRegistry) {
    self.settings = settings
    let own = [
      ("service.name", settings.serviceName ?? service), ("service.version", version),
      ("service.instance.id", instance),
    ]
    let names = Set(own.map(\.0))
    resource =
      own.map { ($0.0, .string($0.1)) }
      + settings.resource.filter { !names.contains($0.key) }.map { ($0.key, .string($0.value)) }
    exported = registry.counter("cadre_telemetry_spans_exported_total", help: "Spans that the collector has taken.")
    dropped = registry.counter("cadre_telemetry_spans_dropped_total", help: "Spans dropped because the queue was full.")
    failed = registry.counter("cadre_telemetry_spans_failed_total", help: "Spans that the collector did not take.")
  }

  /// Queues a span.
  public func finished(_ span: FinishedSpan) {
    let fits = queue.withLock { queue in
      guard queue.count < settings.queueSpansMax else { return false }
      queue.append(span)
      return true
    }
    if !fits { dropped.add() }
  }

  /// Exports until the task is cancelled.
  public func run(
    sleep: @Sendable (Duration) async throws -> Void, send: @Sendable (OTLPRequest) async -> OTLPResult
  ) async {
    while !Task.isCancelled {
      do { try await sleep(.milliseconds(settings.delayMilliseconds)) } catch { return }
      await flush(sleep: sleep, send: send)
    }
  }

  /// Exports what is queued.
  public func flush(
    sleep: @Sendable (Duration) async throws -> Void, send: @Sendable (OTLPRequest) async -> OTLPResult
  ) async {
    while true {
      let batch = queue.withLock { queue in
        let batch = Array(queue.prefix(settings.batchSpansMax))
        queue.removeFirst(batch.count)
        return batch
      }
      if batch.isEmpty { return }
      let body =
        settings.encoding == .protobuf
        ? OTLPEncoder.protobuf(batch, resource: resource, scope: "cadre")
        : OTLPEncoder.json(batch, resource: resource, scope: "cadre")
      let type = settings.encoding == .protobuf ? "application/x-protobuf" : "application/json"
      if await deliver(OTLPRequest(contentType: type, body: body), sleep, send) {
        exported.add(UInt64(batch.count))
      } else {
        failed.add(UInt64(batch.count))
      }
    }
  }

  private func deliver(
    _ request: OTLPRequest, _ sleep: @Sendable (Duration) async throws -> Void,
    _ send: @Sendable (OTLPRequest) async -> OTLPResult
  ) async -> Bool {
    for attempt in 0..<SpanExporter.attemptsMax {
      switch await send(request) {
      case .accepted: return true
      case .rejected: return false
      case .retry(let delay):
        guard attempt + 1 < SpanExporter.attemptsMax else { return false }
        do { try await sleep(min(delay ?? .milliseconds(500 << attempt), .seconds(30))) } catch { return false }
      }
    }
    return false
  }
}
