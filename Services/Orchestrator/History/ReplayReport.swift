public import Decider
public import JSON

/// What a replay found, as a document.
public struct ReplayReport: Sendable {
  /// One thing that was looked at.
  public struct Check: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// What is wrong; `nil` when nothing is.
    public let fault: String?

    /// Makes a check.
    public init(_ name: String, fault: String?) {
      self.name = name
      self.fault = fault
    }
  }

  /// The run.
  public let run: String
  /// What the replay gave.
  public let replay: HistoryReplay.Report
  /// What was looked at beside the decisions.
  public var checks: [Check]

  /// Makes a report; the integrity of the history is checked here.
  public init(run: String, history: [RunEvent], replay: HistoryReplay.Report, checks: [Check] = []) {
    self.run = run
    self.replay = replay
    self.checks = ReplayReport.integrity(history) + checks
  }

  /// Whether everything is as it must be.
  public var isConsistent: Bool { replay.verdict == .consistent && checks.allSatisfy { $0.fault == nil } }

  private static func integrity(_ history: [RunEvent]) -> [Check] {
    var checks: [Check] = []
    let ends = history.indices.filter { index in
      switch history[index] {
      case .runSucceeded, .runFailed, .runCancelled: true
      default: false
      }
    }
    let isWhole = ends.count <= 1 && (ends.first.map { $0 == history.count - 1 } ?? true)
    checks.append(
      Check("one_end", fault: isWhole ? nil : "The history has \(ends.count) ends, or events behind its end."))
    var successes: Set<String> = []
    var twice: String?
    var calls: Set<String> = []
    var callTwice: String?
    var forked = 0
    // A step that begins anew counts its calls from 0 again.
    var begun: [String: Int] = [:]
    for event in history {
      switch event {
      case .runForked: forked += 1
      case .stepSucceeded(let step, let attempt, _, _, _), .planExpanded(let step, let attempt, _, _, _):
        if !successes.insert("\(step)#\(attempt)").inserted { twice = step }
      case .callRecorded(let step, _, let call):
        let call = "\(forked):\(begun[step] ?? 0):\(step)#\(call.index)"
        if !calls.insert(call).inserted { callTwice = step }
      case .stepFailed(let step, _, let failure, _) where failure.next == .anew: begun[step, default: 0] += 1
      case .stepDegraded(let step, _): begun[step, default: 0] += 1
      default: break
      }
    }
    checks.append(Check("one_result", fault: twice.map { "An attempt of \($0) has two results." }))
    checks.append(Check("one_call", fault: callTwice.map { "A call of \($0) was recorded twice." }))
    return checks
  }

  /// Writes the members of the report.
  public func write(to writer: inout JSONWriter) {
    writer.member("run_id", run)
    writer.member("verdict", isConsistent ? "consistent" : "inconsistent")
    writer.member("events", Int64(replay.events))
    writer.member("facts_replayed", Int64(replay.facts))
    writer.member("final_status", replay.state.effectiveStatus)
    writer.key("checks")
    writer.beginArray()
    for check in checks {
      writer.beginObject()
      writer.member("name", check.name)
      writer.member("ok", check.fault == nil)
      writer.member("fault", ifPresent: check.fault)
      writer.endObject()
    }
    writer.endArray()
    writer.key("first_divergence")
    guard case .diverged(let divergence) = replay.verdict else { return writer.null() }
    writer.beginObject()
    writer.member("seq", Int64(divergence.sequence))
    write("fact", divergence.fact, to: &writer)
    write("recorded", divergence.recorded, to: &writer)
    write("replayed", divergence.replayed, to: &writer)
    writer.member("refusal", ifPresent: divergence.refusal?.rawValue)
    writer.endObject()
  }

  private func write(_ name: String, _ event: RunEvent?, to writer: inout JSONWriter) {
    writer.key(name)
    guard let event else { return writer.null() }
    writer.beginObject()
    writer.member("type", event.type)
    writer.member("step", orNull: event.step)
    writer.member("data", raw: EventCodec.encode(event))
    writer.endObject()
  }
}
