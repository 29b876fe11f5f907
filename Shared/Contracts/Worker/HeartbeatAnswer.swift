public import JSON

/// What has become of the leases of a request of heartbeats.
public struct HeartbeatAnswer: Hashable, Sendable {
  /// What has become of one.
  public enum Outcome: Hashable, Sendable {
    /// The worker has it. It lasts for `leaseMilliseconds` from when it was last extended, which the orchestrator does
    /// in time; `assertion` takes the place of the one before where there is one.
    case held(leaseMilliseconds: Int64, assertion: String?)
    /// It has ended: what the worker does for the step now has no effect.
    case lost
  }

  /// One of them.
  public struct Entry: Hashable, Sendable {
    /// The step.
    public let step: StepID
    /// What has become of its lease.
    public let outcome: Outcome

    /// Makes an entry.
    public init(step: StepID, outcome: Outcome) {
      self.step = step
      self.outcome = outcome
    }
  }

  /// In the order of the request.
  public let entries: [Entry]

  /// Makes an answer.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads an answer; `nil` when it is none. An entry that cannot be read is left out: it says nothing about its lease.
  public init?(_ view: JSONView) {
    guard let list = view["leases"], list.kind == .array, list.count <= WorkerLimits.heartbeatsMax else { return nil }
    let limits = WorkerLimits.leaseMilliseconds
    entries = list.elements.compactMap { entry in
      guard let step = entry["step_id"]?.string.flatMap({ StepID($0) }) else { return nil }
      switch entry["status"]?.string {
      case "lost": return Entry(step: step, outcome: .lost)
      case "held":
        let lease = max(limits.lowerBound, min(entry["lease_ms"]?.int ?? limits.lowerBound, limits.upperBound))
        return Entry(step: step, outcome: .held(leaseMilliseconds: lease, assertion: entry["assertion"]?.string))
      default: return nil
      }
    }
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: 64 + entries.count * 96)
    writer.beginObject()
    writer.objects("leases", entries) { entry, writer in
      writer.member("step_id", id: entry.step)
      switch entry.outcome {
      case .held(let leaseMilliseconds, let assertion):
        writer.member("status", "held")
        writer.member("lease_ms", leaseMilliseconds)
        writer.member("assertion", ifPresent: assertion)
      case .lost: writer.member("status", "lost")
      }
    }
    writer.endObject()
    return writer.bytes
  }
}
