public import JSON

/// A worker says that it takes nothing new: its requests for leases that wait are to be answered.
public struct DrainRequest: Hashable, Sendable {
  /// The name of the worker, as in its requests for leases.
  public let worker: String

  /// Makes a request.
  public init(worker: String) {
    self.worker = StorableText.make(worker, bytesMax: WorkerLimits.workerBytesMax, fallback: "worker")
  }

  /// Reads a request. Throws every fault of it.
  public init(_ view: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(view)
    let worker = fields.string("worker", isRequired: true, bytesMax: WorkerLimits.workerBytesMax)
    try fields.finish()
    self.worker = worker ?? ""
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("worker", worker)
    writer.endObject()
    return writer.bytes
  }
}
