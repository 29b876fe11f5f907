public import JSON
public import Primitives

/// A memory of a project.
public struct StoredMemory: Hashable, Sendable {
  /// The memory.
  public let id: MemoryID
  /// What is remembered.
  public let text: String
  /// Words by which it is grouped.
  public let tags: [String]
  /// When it was stored.
  public let createdAt: Timestamp
  /// Who stored it: a principal, or `step` for an agent.
  public let createdBy: String
  /// The run that stored it.
  public var run: RunID?
  /// How well it fits a query; `nil` outside of searches. Larger is better.
  public var rank: Double?
  /// Parts of the text with the words of the query between `**`.
  public var highlight: String?

  /// Makes a memory.
  public init(id: MemoryID, text: String, tags: [String], createdAt: Timestamp, createdBy: String) {
    self.id = id
    self.text = text
    self.tags = tags
    self.createdAt = createdAt
    self.createdBy = createdBy
  }

  /// Reads a memory; `nil` when a member is missing that nobody can do without.
  public init?(_ view: JSONView) {
    guard let id = view["id"]?.string.flatMap({ MemoryID($0) }), let text = view["text"]?.string,
      let createdAt = view["created_at"]?.string.flatMap({ Timestamp(rfc3339: $0) })
    else { return nil }
    self.init(
      id: id, text: text, tags: view["tags"]?.elements.compactMap(\.string) ?? [], createdAt: createdAt,
      createdBy: view["created_by"]?.string ?? "")
    run = view["run_id"]?.string.flatMap { RunID($0) }
    rank = view["rank"]?.double
    highlight = view["highlight"]?.string
  }

  /// Writes the members of the document.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.member("id", id: id)
    writer.member("text", text)
    writer.member("tags", tags)
    writer.member("created_at", createdAt.description)
    writer.member("created_by", createdBy)
    writer.member("run_id", ifPresent: run?.description)
    if let rank { writer.member("rank", rank) }
    writer.member("highlight", ifPresent: highlight)
  }
}
