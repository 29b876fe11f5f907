package import Contracts
package import JSON
internal import Postgres
package import Primitives

/// A version of a file.
package struct ArtefactRow: Sendable {
  package let id: ArtefactID
  /// The run that it belongs to; `nil` for an upload.
  package let run: RunID?
  package let name: String
  /// From 1; the newest one counts.
  package let version: Int
  package let blob: UUID
  /// 32 bytes.
  package let sha256: [UInt8]
  package let bytes: Int64
  package let mediaType: String
  package let step: StepID?
  package let createdBy: String
  package let createdAt: Timestamp

  static let columns = ResultColumns<ArtefactRow> { column in
    let id = column("a.id", .uuid)
    let run = column(nullable: "a.run_id", .uuid)
    let name = column("a.name", .text)
    let version = column("a.version", .int4)
    let blob = column("a.blob_id", .uuid)
    let sha256 = column("a.sha256", .bytea)
    let bytes = column("a.bytes", .int8)
    let mediaType = column("a.media_type", .text)
    let step = column(nullable: "a.step_id", .uuid)
    let createdBy = column("a.created_by", .text)
    let createdAt = column("a.created_at", .timestamptz)
    return { row in
      ArtefactRow(
        id: ArtefactID(try row[id]), run: try row[run].map { RunID($0) }, name: try row[name],
        version: Int(try row[version]), blob: try row[blob], sha256: try row[sha256], bytes: try row[bytes],
        mediaType: try row[mediaType], step: try row[step].map { StepID($0) }, createdBy: try row[createdBy],
        createdAt: try row[createdAt])
    }
  }

  /// The digest as text.
  package var digest: String { Hex.encode(sha256) }

  /// What steps and inputs of tasks know of it.
  package var reference: ArtefactReference {
    ArtefactReference(name: name, sha256: digest, bytes: bytes, mediaType: mediaType)
  }

  /// Writes the members of the document.
  package func writeMembers(to writer: inout JSONWriter) {
    writer.member("id", id: id)
    writer.member("name", name)
    writer.member("sha256", digest)
    writer.member("bytes", bytes)
    writer.member("media_type", mediaType)
    writer.member("version", Int64(version))
    writer.member("run_id", orNull: run?.description)
    writer.member("step_id", orNull: step?.description)
    writer.member("created_by", createdBy)
    writer.member("created_at", createdAt.description)
  }
}
