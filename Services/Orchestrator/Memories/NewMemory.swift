internal import Artefacts
package import Contracts
package import JSON
internal import Primitives

/// A memory that is to be stored.
package struct NewMemory: Sendable {
  package let text: String
  package let tags: [String]
  /// The same key stores once.
  package let key: String?

  /// Reads a document. Throws every fault of it.
  package init(_ root: JSONView, also read: (inout JSONFields) -> Void = { _ in }) throws(JSONFieldsError) {
    var fields = JSONFields(root)
    let text = fields.string("text", isRequired: true, bytesMax: WorkspaceLimits.memoryBytesMax)
    let tags = fields.strings(
      "tags", countMax: WorkspaceLimits.memoryTagsMax, bytesMax: WorkspaceLimits.memoryTagBytesMax)
    let key = fields.string("key", bytesMax: WorkspaceLimits.memoryKeyBytesMax)
    read(&fields)
    try fields.finish()
    self.init(text: text ?? "", tags: tags ?? [], key: key)
  }

  package init(text: String, tags: [String], key: String?) {
    var seen: Set<String> = []
    self.text = text
    self.tags = tags.filter { !$0.isEmpty && seen.insert($0).inserted }
    self.key = key
  }

  /// The tags as they are stored: a JSON list.
  var tagList: [UInt8] {
    var writer = JSONWriter()
    writer.beginArray()
    for tag in tags { writer.string(tag) }
    writer.endArray()
    return writer.bytes
  }

  /// What it takes of the quota.
  var bytes: Int64 { Int64(text.utf8.count + tags.reduce(0) { $0 + $1.utf8.count }) }
}

/// Who stores or reads memories: a project of a tenant, or what belongs to none.
package struct MemoryScope: Sendable, Hashable {
  package let tenant: TenantID
  package let project: ProjectID?

  package init(_ tenant: TenantID, _ project: ProjectID?) {
    self.tenant = tenant
    self.project = project
  }

  var projectID: UUID { project?.uuid ?? UsageQuota.wholeTenant }

  /// The lexeme that every memory of the scope has and no word can be.
  var lexeme: String {
    "scope:\(Hex.encode(tenant.uuid.bytes)):\(Hex.encode(projectID.bytes))"
  }
}

/// Why a memory was not stored.
package enum MemoryRefusal: Error, Hashable {
  /// The project has no room.
  case quota
  /// The key stands for another memory.
  case keyReused
}
