package import Contracts
internal import Decider
package import JSON
package import Primitives
package import RunStorage
internal import SystemSources
internal import Workflows

/// The document of a new task: what is to be done, by which workflow, and its descriptions.
package struct TaskRequest: Sendable {
  /// Largest task document in bytes.
  package static let bodyBytesMax = 2 << 20
  private static let promptBytesMax = 512 << 10
  private static let artefactsMax = 256

  package let task: NewTask
  package let project: ProjectID?
  package let priority: Int
  package let workflow: String
  package let workflowVersion: Int?
  package private(set) var input: Payload
  /// Files that the run has from its beginning.
  package let artefacts: [ArtefactID]

  /// Reads the document. Throws every fault that it has.
  package init(_ root: JSONView) throws(JSONFieldsError) {
    var fields = JSONFields(root)
    var task = NewTask()
    task.title = fields.string("title", bytesMax: 500)
    task.description = fields.string("description", bytesMax: 64 << 10, allowsEmpty: true) ?? ""
    task.labels = TaskRequest.labels(&fields) ?? []
    task.assignee = fields.string("assignee", bytesMax: 200)
    task.dueAt = TaskRequest.time("due_at", &fields)
    self.task = task
    priority = Int(fields.int("priority", in: -10...10) ?? 0)
    project = TaskRequest.project(&fields)
    workflow = fields.string("workflow", bytesMax: 64) ?? "single"
    workflowVersion = fields.int("workflow_version", in: 1...1_000_000).map { Int($0) }
    let artefacts = TaskRequest.artefacts(&fields)
    let more = fields.value("input")
    if let more, more.kind != .object { fields.note("input", .type, "An object is expected.") }
    if let more, !artefacts.isEmpty, more["artefacts"] != nil {
      fields.note("artefacts", .notAllowed, "The input has a member of this name, too.")
    }
    let prompt = fields.string("prompt", isRequired: more == nil, bytesMax: TaskRequest.promptBytesMax)
    let system = fields.string("system", bytesMax: 64 << 10)
    let model = fields.string("model", bytesMax: 200)
    let outputTokensMax = fields.int("max_output_tokens", in: 1...1_000_000)
    try fields.finish()
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("prompt", ifPresent: prompt)
    writer.member("system", ifPresent: system)
    writer.member("model", ifPresent: model)
    writer.member("max_output_tokens", ifPresent: outputTokensMax)
    let taken: Set<String> = Set(
      [
        ("prompt", prompt != nil), ("system", system != nil), ("model", model != nil),
        ("max_output_tokens", outputTokensMax != nil),
      ].filter(\.1).map(\.0))
    for (key, value) in more?.members ?? JSONView.noMembers {
      let name = key.string ?? ""
      if !taken.contains(name) { writer.member(name, raw: value.rawBytes) }
    }
    writer.endObject()
    input = Payload(writer.bytes)
    self.artefacts = artefacts
  }

  /// The same with the files that it names in its input: `artefacts`, a list of objects.
  package func naming(_ files: [ArtefactReference]) -> TaskRequest {
    guard !files.isEmpty, let root = try? JSONDocument(parsing: input.body).root else { return self }
    var writer = JSONWriter(reservingBytes: input.body.count + files.count * 256)
    writer.beginObject()
    for (key, value) in root.members { writer.member(as: key, value) }
    writer.key("artefacts")
    writer.beginArray()
    for file in files { file.write(to: &writer) }
    writer.endArray()
    writer.endObject()
    var request = self
    request.input = Payload(writer.bytes)
    return request
  }

  private static func artefacts(_ fields: inout JSONFields) -> [ArtefactID] {
    guard let texts = fields.strings("artefacts", countMax: artefactsMax, bytesMax: 64) else { return [] }
    let ids = texts.compactMap { ArtefactID($0) }
    if ids.count < texts.count || Set(ids).count < ids.count {
      fields.note("artefacts", .malformed, "Ids of artefacts, each once, are expected.")
    }
    return ids
  }

  /// A list of labels.
  package static func labels(_ fields: inout JSONFields) -> [String]? {
    guard let labels = fields.strings("labels", countMax: 50, bytesMax: 100) else { return nil }
    var seen: Set<String> = []
    return labels.filter { !$0.isEmpty && seen.insert($0).inserted }
  }

  /// A time in RFC 3339.
  package static func time(_ name: String, _ fields: inout JSONFields) -> Timestamp? {
    guard let text = fields.string(name, bytesMax: 64) else { return nil }
    guard let time = Timestamp(rfc3339: text) else {
      fields.note(name, .malformed, "A time such as 2026-01-31T12:00:00Z is expected.")
      return nil
    }
    return time
  }

  private static func project(_ fields: inout JSONFields) -> ProjectID? {
    guard let text = fields.string("project_id", bytesMax: 64) else { return nil }
    guard let id = ProjectID(text) else {
      fields.note("project_id", .malformed, "The id of a project is expected.")
      return nil
    }
    return id
  }
}
