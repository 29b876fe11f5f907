public import Primitives
internal import Synchronization
internal import SystemSources

/// The value of an attribute.
public enum AttributeValue: Hashable, Sendable {
  /// Text.
  case string(String)
  /// A whole number.
  case int(Int64)
  /// A number.
  case double(Double)
  /// A truth value.
  case bool(Bool)
}

/// Who is on the other side of a span.
public enum SpanKind: Int, Sendable {
  /// Work inside the process.
  case `internal` = 1
  /// A request that is answered.
  case server = 2
  /// A request that is made.
  case client = 3
  /// A message that is sent for later.
  case producer = 4
  /// A message that is worked on.
  case consumer = 5
}

/// A reference from a span to one that is not its parent, for example to the attempt before.
public struct SpanLink: Sendable {
  /// The other span.
  public let context: TraceContext
  /// What the link means.
  public let attributes: [(key: String, value: AttributeValue)]
}

/// What is exported of a span.
public struct FinishedSpan: Sendable {
  /// Where it stands in the trace.
  public let context: TraceContext
  /// The span that caused it; 0 for the first of a trace.
  public let parentID: UInt64
  /// A name of bounded variety.
  public let name: String
  /// Who is on the other side.
  public let kind: SpanKind
  /// Start, in nanoseconds since 1970.
  public let startUnixNanoseconds: UInt64
  /// End, in nanoseconds since 1970.
  public let endUnixNanoseconds: UInt64
  /// Attributes in order of their setting, at most 64.
  public let attributes: [(key: String, value: AttributeValue)]
  /// Why the operation failed; `nil` when it did not.
  public let error: String?
  /// References to other spans, at most 16.
  public var links: [SpanLink] = []
}

/// An operation in progress. A span that is not sampled only carries its context and costs almost nothing.
public final class Span: Sendable {
  private struct Recording {
    var attributes: [(key: String, value: AttributeValue)] = []
    var error: String?
    var links: [SpanLink] = []
    var isEnded = false
  }

  static let attributesMax = 64
  static let linksMax = 16
  static let textBytesMax = 4096

  /// Where the span stands; hand it on with calls that it makes.
  public let context: TraceContext
  private let parentID: UInt64
  private let name: String
  private let kind: SpanKind
  private let startedAt: UInt64
  private let startedUnix: UInt64
  private let recording: Mutex<Recording>
  private let sink: (any SpanSink)?

  init(
    context: TraceContext, parentID: UInt64, name: String, kind: SpanKind, startedAt: Timestamp? = nil,
    sink: (any SpanSink)?
  ) {
    self.context = context
    self.parentID = parentID
    self.name = name
    self.kind = kind
    self.sink = context.isSampled ? sink : nil
    recording = Mutex(Recording())
    guard self.sink != nil else {
      self.startedAt = 0
      startedUnix = 0
      return
    }
    let now = WallClock.now()
    let start = min(now, startedAt ?? now)
    let since = UInt64(clamping: (now - start).nanoseconds)
    let monotonic = MonotonicClock.now()
    self.startedAt = monotonic > since ? monotonic - since : 0
    startedUnix = UInt64(clamping: start.unixMicroseconds) &* 1000
  }

  /// Whether attributes are kept: expensive ones need not be made otherwise.
  public var isRecording: Bool { sink != nil }

  /// Sets an attribute; beyond 64, and after the end, nothing happens.
  public func setAttribute(_ key: String, _ value: AttributeValue) {
    guard sink != nil else { return }
    var value = value
    if case .string(let text) = value, text.utf8.count > Span.textBytesMax {
      value = .string(String(decoding: text.utf8.prefix(Span.textBytesMax), as: UTF8.self))
    }
    recording.withLock { recording in
      guard !recording.isEnded, recording.attributes.count < Span.attributesMax else { return }
      if recording.attributes.isEmpty { recording.attributes.reserveCapacity(8) }
      recording.attributes.append((key, value))
    }
  }

  /// Refers to another span; beyond 16 links, and after the end, nothing happens.
  public func addLink(_ context: TraceContext, _ attributes: KeyValuePairs<String, AttributeValue> = [:]) {
    guard sink != nil else { return }
    let link = SpanLink(context: context, attributes: attributes.map { ($0.key, $0.value) })
    recording.withLock { recording in
      guard !recording.isEnded, recording.links.count < Span.linksMax else { return }
      recording.links.append(link)
    }
  }

  /// Marks the operation as failed.
  public func recordError(type: String, message: String) {
    guard sink != nil else { return }
    setAttribute("error.type", .string(type))
    recording.withLock { $0.error = LogText.masked(String(message.prefix(1024))) }
  }

  /// Ends the span and hands it to the exporter. A second call does nothing.
  public func end() {
    guard let sink else { return }
    let finished = recording.withLock { recording -> Recording? in
      if recording.isEnded { return nil }
      recording.isEnded = true
      return recording
    }
    guard let finished else { return }
    let duration = MonotonicClock.now() &- startedAt
    sink.finished(
      FinishedSpan(
        context: context, parentID: parentID, name: name, kind: kind, startUnixNanoseconds: startedUnix,
        endUnixNanoseconds: startedUnix &+ duration, attributes: finished.attributes, error: finished.error,
        links: finished.links))
  }
}

/// Takes finished spans; must not block.
public protocol SpanSink: AnyObject, Sendable {
  /// A sampled span has ended.
  func finished(_ span: FinishedSpan)
}

/// Which new traces are recorded (`OTEL_TRACES_SAMPLER`).
public struct Sampler: Hashable, Sendable {
  /// Share of new traces that are recorded, from 0 to 1.
  public let ratio: Double
  /// Whether a caller's decision is followed.
  public let followsParent: Bool

  /// Makes a sampler.
  public init(ratio: Double, followsParent: Bool) {
    self.ratio = ratio
    self.followsParent = followsParent
  }

  func samples(parent: TraceContext?, traceLow: UInt64) -> Bool {
    if followsParent, let parent { return parent.isSampled }
    if ratio >= 1 { return true }
    if ratio <= 0 { return false }
    return Double(traceLow >> 11) / Double(1 << 53) < ratio
  }
}

/// Makes spans.
public final class Tracer: Sendable {
  private let sampler: Sampler
  private let sink: (any SpanSink)?

  /// Makes a tracer; without a sink nothing is recorded, but contexts still travel.
  public init(sampler: Sampler, sink: (any SpanSink)?) {
    self.sampler = sampler
    self.sink = sink
  }

  /// Whether anybody takes spans. Where nobody does, what is only needed for them need not be looked up.
  public var isRecording: Bool { sink != nil }

  /// Starts a span below `parent`, or a new trace. `id` is given where other processes have to know it without being
  /// notified, `startedAt` where the operation began before it was known.
  public func startSpan(
    _ name: String, kind: SpanKind = .internal, parent: TraceContext? = nil, id: UInt64? = nil,
    startedAt: Timestamp? = nil
  ) -> Span {
    let context: TraceContext
    if let parent, sink == nil {
      // Who records nothing is no part of the trace: those behind belong to the span before.
      context = parent
    } else if let parent {
      context = parent.child(isSampled: sampler.samples(parent: parent, traceLow: parent.traceLow), spanID: id)
    } else {
      let root = TraceContext.root(isSampled: false)
      context =
        sampler.samples(parent: nil, traceLow: root.traceLow)
        ? TraceContext(traceHigh: root.traceHigh, traceLow: root.traceLow, spanID: root.spanID, isSampled: true) : root
    }
    return Span(
      context: context, parentID: parent?.spanID ?? 0, name: name, kind: kind, startedAt: startedAt, sink: sink)
  }

  /// A span that is never recorded, with a trace id of its own.
  public func unsampledSpan() -> Span {
    Span(context: .root(isSampled: false), parentID: 0, name: "", kind: .internal, sink: nil)
  }
}
