import Contracts
import Decider
import Primitives
import RunEngine
import RunStorage
import Synchronization
import Telemetry
import Testing

@Suite struct RunTracingTests {
  private static let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
  private static let run = RunID(UUID(high: 3, low: 4))

  private final class Spans: SpanSink {
    private let spans = Mutex<[FinishedSpan]>([])
    func finished(_ span: FinishedSpan) { spans.withLock { $0.append(span) } }
    var all: [FinishedSpan] { spans.withLock { $0 } }
  }

  private static func tracing(_ sink: Spans?, address: String? = nil) -> RunTracing {
    RunTracing(tracer: Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink), address: address)
  }

  private static func leased(attempt: Int, _ traceparent: String? = traceparent) -> LeasedStep {
    LeasedStep(
      step: StepID.of(run, step: "a"), run: run, tenant: tenant, key: "a", attempt: attempt,
      token: UUID(high: 9, low: 9),
      deadline: Timestamp(unixMicroseconds: 0), version: 1, task: TaskID(run.uuid), traceparent: traceparent,
      leaseMilliseconds: 1000, slot: 0, waitedMicroseconds: 5_000_000, lane: "", jobType: "agent")
  }

  @Test func `places are the same in every replica, and differ for every run, step and attempt`() throws {
    let (one, other) = (Self.tracing(Spans()), Self.tracing(Spans()))
    let step = StepID.of(Self.run, step: "a")
    var ids: Set<UInt64> = []
    for attempt in 1...1000 {
      let place = try #require(one.context(of: step, attempt: attempt, in: Self.run, Self.traceparent))
      #expect(place == other.context(of: step, attempt: attempt, in: Self.run, Self.traceparent))
      ids.insert(place.spanID)
    }
    for number in 0..<1000 {
      let run = RunID(UUID(high: 3, low: UInt64(number)))
      ids.insert(try #require(one.context(of: run, Self.traceparent)).spanID)
      ids.insert(
        try #require(one.context(of: StepID.of(run, step: "b"), attempt: 1, in: run, Self.traceparent)).spanID)
    }
    #expect(ids.count == 3000 && !ids.contains(0))
    #expect(one.context(of: Self.run, "nonsense") == nil && one.context(of: Self.run, nil) == nil)
  }

  @Test func `who records nothing hands on the submission's place`() throws {
    let tracing = Self.tracing(nil)
    let caller = try #require(TraceContext(traceparent: Self.traceparent))
    #expect(tracing.context(of: Self.run, Self.traceparent) == caller)
    #expect(
      tracing.context(of: StepID.of(Self.run, step: "a"), attempt: 2, in: Self.run, Self.traceparent) == caller)
  }

  @Test func `a dispatch covers the wait, and links to the attempt before it where there was one`() throws {
    let sink = Spans()
    let tracing = Self.tracing(sink)
    let now = Timestamp(unixMicroseconds: 1_700_000_000_000_000)
    tracing.dispatched(Self.leased(attempt: 1), isRepeated: false, now: now)
    tracing.dispatched(Self.leased(attempt: 2), isRepeated: true, now: now)
    // The attempt before was made in another run.
    tracing.dispatched(Self.leased(attempt: 3), isRepeated: false, now: now)
    tracing.dispatched(Self.leased(attempt: 1, nil), isRepeated: false, now: now)
    tracing.dispatched(
      Self.leased(attempt: 1, String(Self.traceparent.dropLast()) + "0"), isRepeated: false, now: now)
    try #require(sink.all.count == 3)
    #expect(sink.all.map(\.startUnixNanoseconds) == Array(repeating: 1_699_999_995_000_000_000, count: 3))
    #expect(Set(sink.all.map(\.parentID)) == [try #require(tracing.context(of: Self.run, Self.traceparent)).spanID])
    #expect(sink.all[1].links.map(\.context.spanID) == [sink.all[0].context.spanID])
    #expect(sink.all[0].links.isEmpty && sink.all[2].links.isEmpty)
  }

  @Test func `a link is given to traces that are recorded, where it is known where they are shown`() throws {
    let tracing = Self.tracing(nil, address: "https://t/{trace_id}/x?{trace_id}")
    let id = "4bf92f3577b34da6a3ce929d0e0e4736"
    let recorded = try #require(tracing.trace(of: Self.traceparent))
    #expect(recorded.id == id && recorded.address == "https://t/\(id)/x?\(id)")
    let other = try #require(tracing.trace(of: String(Self.traceparent.dropLast()) + "0"))
    #expect(other.id == id && other.address == nil)
    #expect(Self.tracing(nil).trace(of: Self.traceparent)?.address == nil)
    #expect(tracing.trace(of: nil) == nil && tracing.trace(of: "00-x") == nil)
  }

  @Test(arguments: [
    "", "http://t/", "javascript:{trace_id}", "t/{trace_id}", "http://t/{trace_id} x", "http://t/\n{trace_id}",
  ])
  func `what is no address of a trace`(text: String) { #expect(!RunTracing.isAddress(text)) }

  @Test func `a run that ends has its span, from its submission on`() async throws {
    let sink = Spans()
    let fixture = EngineFixture(
      tracer: Tracer(sampler: Sampler(ratio: 1, followsParent: true), sink: sink), traceparent: Self.traceparent)
    let run = try await fixture.submit(work("a"))
    try await fixture.apply(.lease(step: "a", worker: "w"), to: run)
    try await fixture.apply(.lose(step: "a", attempt: 1), to: run)
    try await fixture.apply(.cancel(by: "somebody", reason: "", forces: true), to: run)
    #expect(sink.all.map(\.name) == ["lease_lost", "run"])
    let (lost, ended) = (try #require(sink.all.first), try #require(sink.all.last))
    let tracing = fixture.engine.tracing
    #expect(lost.error != nil && ended.error == nil)
    #expect(
      lost.parentID
        == tracing.context(of: StepID.of(run, step: "a"), attempt: 1, in: run, Self.traceparent)?.spanID)
    #expect(ended.context == tracing.context(of: run, Self.traceparent))
    #expect(ended.parentID == 0x00f0_67aa_0ba9_02b7)
    #expect(ended.attributes.contains { $0.key == "cadre.outcome" && $0.value == .string("cancelled") })
  }
}
