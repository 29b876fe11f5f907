public import JSON

/// The results of several steps in one request. Each is judged by itself.
public struct ResultBatch: Sendable {
  /// One of them.
  public struct Entry: Sendable {
    /// The step.
    public let step: StepID
    /// What the worker may do for it.
    public let assertion: String
    /// The result.
    public let result: ResultRequest

    /// Makes an entry.
    public init(step: StepID, assertion: String, result: ResultRequest) {
      self.step = step
      self.assertion = assertion
      self.result = result
    }
  }

  /// What is known of an entry before it is read whole.
  public struct Head {
    /// The step; `nil` when the entry names none.
    public let step: StepID?
    /// The assertion for the step; not verified yet.
    public let assertion: String?
    /// The rest of the entry, with its place in the request.
    public var fields: JSONFields
  }

  /// The results, at most `WorkerLimits.resultsMax`.
  public let entries: [Entry]

  /// Makes a batch.
  public init(_ entries: [Entry]) { self.entries = entries }

  /// Reads the list of a request, each entry as far as is needed to find its lease. Throws what is wrong with the list
  /// itself.
  public static func heads(_ view: JSONView) throws(JSONFieldsError) -> [Head] {
    var fields = JSONFields(view)
    let entries = fields.array("results", isRequired: true, countMax: WorkerLimits.resultsMax) ?? []
    try fields.finish()
    return entries.enumerated().map { index, entry in
      var fields = JSONFields(entry, path: "/results/\(index)")
      let step = fields.string("step_id", isRequired: true, bytesMax: WorkerLimits.nameBytesMax)
      let assertion = fields.string("assertion", bytesMax: WorkerLimits.assertionBytesMax)
      return Head(step: step.flatMap { StepID($0) }, assertion: assertion, fields: fields)
    }
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: entries.reduce(64) { $0 + $1.result.bytesAbout + 512 })
    writer.beginObject()
    writer.key("results")
    writer.beginArray()
    for entry in entries {
      writer.beginObject()
      writer.member("step_id", id: entry.step)
      writer.member("assertion", entry.assertion)
      entry.result.writeMembers(to: &writer)
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }
}
