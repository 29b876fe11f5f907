package import Contracts
internal import Decider
package import Primitives
package import RunStorage
package import Telemetry

/// What the orchestrator adds to the traces of runs. A run has a span from its submission to its end; the span of its
/// submission is the parent. Below it stand the dispatch of each attempt, with the worker's spans below that, and
/// timers.
///
/// The ids of these spans follow from the run, the step and the attempt. So every replica can name a span that another
/// one exports, before it is exported, and nothing has to be stored for that.
package struct RunTracing: Sendable {
  private let tracer: Tracer
  /// Where a trace is shown; the id stands in for `{trace_id}`.
  private let address: String?

  /// The part of an address that stands for the id of a trace.
  private static let placeholder = "{trace_id}"

  /// Traces through `tracer`, which are shown at `address`.
  package init(tracer: Tracer, address: String? = nil) {
    self.tracer = tracer
    self.address = address
  }

  /// Whether `address` can be one: an http or https URL with a place for the id.
  package static func isAddress(_ address: String) -> Bool {
    (address.hasPrefix("http://") || address.hasPrefix("https://")) && address.contains(placeholder)
      && address.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  // MARK: Places in a trace

  /// The span of a run. Where spans are not recorded, it is the caller's.
  package func context(of run: RunID, _ traceparent: String?) -> TraceContext? {
    guard let caller = traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return nil }
    guard tracer.isRecording else { return caller }
    return caller.child(spanID: SpanID.derive(run.uuid, 0))
  }

  /// The dispatch of an attempt.
  package func context(of step: StepID, attempt: Int, in run: RunID, _ traceparent: String?) -> TraceContext? {
    guard let parent = context(of: run, traceparent) else { return nil }
    guard tracer.isRecording else { return parent }
    return parent.child(spanID: SpanID.derive(step.uuid, UInt64(clamping: attempt)))
  }

  /// The dispatch of a leased step, for exemplars; `nil` where nobody records.
  func recorded(_ step: LeasedStep) -> TraceContext? {
    guard tracer.isRecording else { return nil }
    return context(of: step.step, attempt: step.attempt, in: step.run, step.traceparent)
  }

  // MARK: Spans

  /// A step was leased to a worker: from ready to leased. `isRepeated` says that an earlier attempt was made in this
  /// run.
  package func dispatched(_ step: LeasedStep, isRepeated: Bool, now: Timestamp) {
    guard let own = recorded(step), own.isSampled else { return }
    let span = tracer.startSpan(
      "dispatch_step", kind: .producer, parent: context(of: step.run, step.traceparent), id: own.spanID,
      startedAt: now + .microseconds(-max(0, step.waitedMicroseconds)))
    span.setAttribute("cadre.run.id", .string(step.run.description))
    span.setAttribute("cadre.step.id", .string(step.step.description))
    span.setAttribute("cadre.step", .string(step.key))
    span.setAttribute("cadre.attempt", .int(Int64(step.attempt)))
    if isRepeated,
      let before = context(of: step.step, attempt: step.attempt - 1, in: step.run, step.traceparent)
    {
      span.addLink(before, ["cadre.link": .string("previous_attempt")])
    }
    span.end()
  }

  /// A timer has come: what is done for it.
  func startTimer(_ timer: DueTimer) -> Span {
    let span = tracer.startSpan(
      "timer \(timer.kind.rawValue)", parent: context(of: timer.run, timer.traceparent))
    if span.isRecording {
      span.setAttribute("cadre.run.id", .string(timer.run.description))
      if let step = timer.step { span.setAttribute("cadre.step", .string(step)) }
    }
    return span
  }

  /// A sub-run or a fork goes on with what another run has done.
  package func link(_ span: Span, to source: RunRow) {
    guard span.isRecording, let context = context(of: source.id, source.traceparent) else { return }
    span.addLink(context, ["cadre.link": .string("continued_run")])
  }

  /// A transition of a run was committed.
  func committed(_ transition: Transition, _ snapshot: RunSnapshot) {
    guard tracer.isRecording, let traceparent = snapshot.facts.traceparent else { return }
    for event in transition.events {
      switch event {
      case .stepLost(let key, let attempt, _, let wasUndelivered, _):
        lost(transition.run, key, attempt, traceparent, wasUndelivered ? "undelivered" : "lost")
      case .stepTimedOut(let key, let attempt, .startToClose, _, _)
      where snapshot.state.step(key).map({ snapshot.state.definition(of: $0).isWork }) ?? false:
        lost(transition.run, key, attempt, traceparent, "timed_out")
      default: break
      }
    }
    guard transition.status.isEnded else { return }
    let failure = transition.events.lazy.compactMap { event -> Failure? in
      if case .runFailed(_, let failure) = event { failure } else { nil }
    }.first
    ended(
      transition.run, snapshot.facts, snapshot.state.workflow.name, transition.status, failure,
      since: snapshot.createdAt)
  }

  /// A worker has lost an attempt: it cannot say so itself any more.
  private func lost(_ run: RunID, _ key: String, _ attempt: Int, _ traceparent: String, _ outcome: String) {
    let step = StepID.of(run, step: key)
    let span = tracer.startSpan(
      "lease_lost", parent: context(of: step, attempt: attempt, in: run, traceparent))
    guard span.isRecording else { return }
    span.setAttribute("cadre.run.id", .string(run.description))
    span.setAttribute("cadre.step.id", .string(step.description))
    span.setAttribute("cadre.step", .string(key))
    span.setAttribute("cadre.attempt", .int(Int64(attempt)))
    span.setAttribute("cadre.outcome", .string(outcome))
    span.recordError(type: "lease_lost", message: "The worker of the attempt has lost its lease.")
    span.end()
  }

  /// A run has ended: its span is complete.
  func ended(
    _ run: RunID, _ facts: RunFacts, _ workflow: String, _ status: RunState.Status, _ failure: Failure?,
    since createdAt: Timestamp?
  ) {
    guard tracer.isRecording, let caller = facts.traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return }
    let span = tracer.startSpan(
      "run", parent: caller, id: SpanID.derive(run.uuid, 0), startedAt: createdAt)
    guard span.isRecording else { return }
    span.setAttribute("cadre.run.id", .string(run.description))
    span.setAttribute("cadre.task.id", .string(facts.task.description))
    span.setAttribute("cadre.workflow", .string(workflow))
    span.setAttribute("cadre.outcome", .string(status.rawValue))
    if let parent = facts.parent { span.setAttribute("cadre.parent.run.id", .string(parent.run.description)) }
    if status == .failed {
      span.recordError(type: failure?.code ?? "failed", message: failure?.message ?? "The run has failed.")
    }
    span.end()
  }

  // MARK: For people

  /// The id of a run's trace, and where it is shown, if it is recorded.
  package func trace(of traceparent: String?) -> (id: String, address: String?)? {
    guard let context = traceparent.flatMap({ TraceContext(traceparent: $0) }) else { return nil }
    let id = context.traceIDText
    guard context.isSampled, let address else { return (id, nil) }
    return (id, address.replacing(RunTracing.placeholder, with: id))
  }
}

/// Ids of spans that follow from what they are about.
private enum SpanID {
  /// Mixes all bits of an id and a number into one word; never 0.
  static func derive(_ id: UUID, _ number: UInt64) -> UInt64 {
    let mixed = finish(finish(id.high) ^ id.low &+ number &* 0x9E37_79B9_7F4A_7C15)
    return mixed == 0 ? 1 : mixed
  }

  /// The finalizer of SplitMix64.
  private static func finish(_ word: UInt64) -> UInt64 {
    var word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }
}
