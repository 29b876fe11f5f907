public import JSON

/// A worker asks for steps.
public struct LeaseRequest: Hashable, Sendable {
  /// The name of the worker, in histories and logs.
  public let worker: String
  /// The kinds of work that it does.
  public let jobTypes: [String]
  /// How many steps it takes, from 1.
  public let slots: Int
  /// How long it waits for the first one, in milliseconds.
  public let waitMilliseconds: Int64

  /// Makes a request; what is beyond the limits is brought within them.
  public init(worker: String, jobTypes: [String], slots: Int, waitMilliseconds: Int64) {
    self.worker = StorableText.make(worker, bytesMax: WorkerLimits.workerBytesMax, fallback: "worker")
    self.jobTypes = Array(jobTypes.prefix(WorkerLimits.jobTypesMax))
    self.slots = max(1, min(slots, Int(WorkerLimits.slotsMax)))
    self.waitMilliseconds = max(0, min(waitMilliseconds, WorkerLimits.waitMillisecondsMax))
  }

  /// Reads a request. Throws every fault of it.
  public init(_ view: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(view)
    let worker = fields.string("worker", isRequired: true, bytesMax: WorkerLimits.workerBytesMax)
    let jobTypes = fields.strings(
      "job_types", isRequired: true, countMax: WorkerLimits.jobTypesMax, bytesMax: WorkerLimits.jobTypeBytesMax)
    let slots = fields.int("slots", isRequired: true, in: 1...WorkerLimits.slotsMax)
    let wait = fields.int("wait_ms", in: 0...WorkerLimits.waitMillisecondsMax)
    try fields.finish()
    self.worker = worker ?? ""
    self.jobTypes = jobTypes ?? []
    self.slots = Int(slots ?? 1)
    waitMilliseconds = wait ?? 0
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("worker", worker)
    writer.key("job_types")
    writer.beginArray()
    for jobType in jobTypes { writer.string(jobType) }
    writer.endArray()
    writer.member("slots", Int64(slots))
    writer.member("wait_ms", waitMilliseconds)
    writer.endObject()
    return writer.bytes
  }
}
