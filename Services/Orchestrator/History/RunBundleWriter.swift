public import Decider
internal import JSON
internal import Workflows

/// Writes a run as one file, in the order in which it is read: head, events, payloads, end. What it returns is sent as
/// it comes, so that a run may be larger than memory.
public struct RunBundleWriter: Sendable {
  private var hasEvents = false
  private var hasPayloads = false
  private var isBehindEvents = false

  /// A writer of one file.
  public init() {}

  /// Everything before the first event: the run, its status, the workflow that it is pinned to, and the program that
  /// writes the file.
  public func head(run: String, status: String, workflow: Workflow, writtenBy: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("format", RunBundle.format)
    writer.member("version", RunBundle.version)
    writer.member("written_by", writtenBy)
    writer.member("run_id", run)
    writer.member("status", status)
    writer.key("workflow")
    WorkflowDocument.write(workflow, to: &writer)
    writer.member("workflow_version", Int64(workflow.version))
    return writer.bytes + Array(",\"events\":[".utf8)
  }

  /// The next event; `data` is its JSON as it is stored, `at` its time as RFC 3339 text.
  public mutating func event(sequence: Int, at time: String, type: String, step: String?, data: [UInt8]) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("seq", Int64(sequence))
    writer.member("at", time)
    writer.member("type", type)
    writer.member("step", orNull: step)
    writer.member("data", raw: data)
    writer.endObject()
    defer { hasEvents = true }
    return hasEvents ? [UInt8(ascii: ",")] + writer.bytes : writer.bytes
  }

  /// The next payload, behind all events: its JSON under its digest in hexadecimal digits.
  public mutating func payload(_ digest: String, _ body: [UInt8]) -> [UInt8] {
    let start = payloadsStart()
    defer { hasPayloads = true }
    return start + Array("\(hasPayloads ? "," : "")\"\(digest)\":".utf8) + body
  }

  /// Everything behind the last payload.
  public mutating func end() -> [UInt8] { payloadsStart() + Array("}}".utf8) }

  private mutating func payloadsStart() -> [UInt8] {
    if isBehindEvents { return [] }
    isBehindEvents = true
    return Array("],\"payloads\":{".utf8)
  }
}
