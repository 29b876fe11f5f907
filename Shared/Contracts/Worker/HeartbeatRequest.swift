public import JSON
public import Primitives

/// A worker says that it is still at work on its steps, all of them in one request.
public struct HeartbeatRequest: Hashable, Sendable {
  /// One of its leases.
  public struct Lease: Hashable, Sendable {
    /// The step.
    public let step: StepID
    /// The token of the lease.
    public let token: UUID
    /// The attempt.
    public let attempt: Int

    /// Makes an entry.
    public init(step: StepID, token: UUID, attempt: Int) {
      self.step = step
      self.token = token
      self.attempt = attempt
    }
  }

  /// The name of the worker, in logs.
  public let worker: String
  /// The leases, at most `WorkerLimits.heartbeatsMax`.
  public let leases: [Lease]

  /// Makes a request.
  public init(worker: String, leases: [Lease]) {
    self.worker = StorableText.make(worker, bytesMax: WorkerLimits.workerBytesMax, fallback: "worker")
    self.leases = leases
  }

  /// Reads a request. Throws every fault of it.
  public init(_ view: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(view)
    let worker = fields.string("worker", isRequired: true, bytesMax: WorkerLimits.workerBytesMax)
    let elements = fields.array("leases", isRequired: true, countMax: WorkerLimits.heartbeatsMax) ?? []
    var leases: [Lease] = []
    leases.reserveCapacity(elements.count)
    for (position, element) in elements.enumerated() {
      // Most are as they should be; only the others are read again for their faults.
      if element.count == 3, let lease = HeartbeatRequest.lease(element) {
        leases.append(lease)
        continue
      }
      var nested = JSONFields(element, path: "/leases/\(position)")
      let step = nested.string("step_id", isRequired: true, bytesMax: WorkerLimits.nameBytesMax)
      if let step, StepID(step) == nil { nested.note("step_id", .malformed, "The id of a step is expected.") }
      _ = JournalRequest.token(of: &nested)
      _ = nested.int("attempt", isRequired: true, in: 1...WorkerLimits.attemptMax)
      do { try nested.finish() } catch { for fault in error.faults { fields.note(at: fault) } }
    }
    try fields.finish()
    guard leases.count == elements.count else {
      throw JSONFieldsError(of: .init(pointer: "/leases", code: .malformed, detail: "A lease is not readable."))
    }
    self.worker = worker ?? ""
    self.leases = leases
  }

  private static func lease(_ view: JSONView) -> Lease? {
    guard let step = view["step_id"]?.string.flatMap({ StepID($0) }),
      let token = view["token"]?.string.flatMap({ UUID($0) }), let attempt = view["attempt"]?.int,
      (1...WorkerLimits.attemptMax).contains(attempt)
    else { return nil }
    return Lease(step: step, token: token, attempt: Int(attempt))
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: 128 + leases.count * 128)
    writer.beginObject()
    writer.member("worker", worker)
    writer.objects("leases", leases) { lease, writer in
      writer.member("step_id", id: lease.step)
      writer.member("token", lease.token.description)
      writer.member("attempt", Int64(lease.attempt))
    }
    writer.endObject()
    return writer.bytes
  }
}
