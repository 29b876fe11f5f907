package import Contracts
internal import Crypto
package import Postgres
package import Primitives
internal import SystemSources

/// The tables of content. A writer and a reader hold one piece of it in memory, whatever its length.
package struct BlobStore: Sendable {
  /// Bytes of a piece: short enough that other statements on the connection need not wait for long.
  package static let pieceBytes = 256 << 10

  private static let attemptsMax = 3

  private let database: TenantDatabase

  /// The content of a database.
  package init(pool: PostgresPool) { database = TenantDatabase(pool: pool) }

  // MARK: Writing

  /// Stores what `next` yields until its end. Nothing refers to it yet: it is removed after a while unless it gets a
  /// name. Throws `BlobRefusal`, what `next` throws, and what the pool throws.
  package func write(
    _ tenant: TenantID, bytesMax: Int, _ next: () async throws -> [UInt8]?
  ) async throws -> StoredBlob {
    var pieces = BlobPieces(of: BlobStore.pieceBytes)
    var digest = SHA256Stream()
    var upload: UUID?
    var place: Int32 = 0
    var count = 0
    while let bytes = try await next() {
      count += bytes.count
      guard count <= bytesMax else { throw BlobRefusal.tooLarge(bytesMax: bytesMax) }
      digest.update(bytes)
      for piece in pieces.add(bytes) {
        let blob = try await begun(&upload, tenant)
        try await append(piece, to: blob, at: place, tenant)
        place += 1
      }
    }
    let rest = pieces.rest()
    let sha256 = digest.finish()
    guard let upload else { return try await writeWhole(tenant, rest, sha256) }
    if !rest.isEmpty { try await append(rest, to: upload, at: place, tenant) }
    return try await finish(StoredBlob(id: upload, sha256: sha256, bytes: Int64(count)), tenant)
  }

  /// Stores bytes that are there as a whole.
  package func write(_ tenant: TenantID, _ bytes: [UInt8]) async throws -> StoredBlob {
    var rest = bytes[...]
    return try await write(tenant, bytesMax: bytes.count) {
      guard !rest.isEmpty else { return nil }
      defer { rest = rest.dropFirst(BlobStore.pieceBytes) }
      return Array(rest.prefix(BlobStore.pieceBytes))
    }
  }

  private func begun(_ upload: inout UUID?, _ tenant: TenantID) async throws -> UUID {
    if let upload { return upload }
    let id = UUID.version7()
    try await database.execute(BlobStore.begin, (tenant, id), of: TenantScope(tenant.uuid))
    upload = id
    return id
  }

  private func append(_ piece: [UInt8], to blob: UUID, at place: Int32, _ tenant: TenantID) async throws {
    do {
      try await database.execute(BlobStore.insertPiece, (tenant, blob, place, piece), of: TenantScope(tenant.uuid))
    } catch let error as PostgresError
      where error.isForeignKeyViolation
    {
      throw BlobRefusal.removed
    }
  }

  /// Content of one piece: all of it in one statement.
  private func writeWhole(_ tenant: TenantID, _ bytes: [UInt8], _ sha256: [UInt8]) async throws -> StoredBlob {
    for _ in 0..<BlobStore.attemptsMax {
      let id = UUID.version7()
      if let known = try await database.query(
        BlobStore.insertWhole, (tenant, id, sha256, bytes), of: TenantScope(tenant.uuid)
      ).first {
        return known
      }
    }
    throw BlobRefusal.removed
  }

  /// Gives an upload its digest, or drops it for the same content that is there already.
  private func finish(_ blob: StoredBlob, _ tenant: TenantID) async throws -> StoredBlob {
    for _ in 0..<BlobStore.attemptsMax {
      if let known = try await database.query(BlobStore.find, (tenant, blob.sha256), of: TenantScope(tenant.uuid)).first
      {
        try await database.execute(BlobStore.drop, (tenant, blob.id), of: TenantScope(tenant.uuid))
        return known
      }
      do {
        if let done = try await database.query(BlobStore.complete, (tenant, blob), of: TenantScope(tenant.uuid)).first {
          return done
        }
        throw BlobRefusal.removed
      } catch let error as PostgresError where error.isUniqueViolation { continue }
    }
    throw BlobRefusal.removed
  }

  // MARK: Reading

  /// A piece; `nil` behind the last one, and when the content was removed.
  package func piece(_ tenant: TenantID, _ blob: UUID, _ place: Int32) async throws -> [UInt8]? {
    try await database.query(BlobStore.readPiece, (tenant, blob, place), of: TenantScope(tenant.uuid)).first
  }

  /// All of it; for content that is known to be short.
  package func read(_ tenant: TenantID, _ blob: UUID) async throws -> [UInt8] {
    var whole: [UInt8] = []
    var place: Int32 = 0
    while let piece = try await piece(tenant, blob, place) {
      whole += piece
      place += 1
    }
    return whole
  }

  // MARK: Statements

  private static let columns = ResultColumns<StoredBlob> { column in
    let id = column("id", .uuid)
    let sha256 = column("sha256", .bytea)
    let bytes = column("bytes", .int8)
    return { row in StoredBlob(id: try row[id], sha256: try row[sha256], bytes: try row[bytes]) }
  }

  static let begin = Statement<(tenant: TenantID, id: UUID), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id }
    return """
      with made as (insert into blob (tenant_id, id) values (\(tenant), \(id)) returning tenant_id, id)
      insert into workspace_check (due_at, tenant_id, kind, id)
      select now() + \(WorkspaceCleanup.blobGrace), tenant_id, 'blob', id from made
      """
  }

  static let insertPiece = Statement<(tenant: TenantID, blob: UUID, place: Int32, body: [UInt8]), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let blob = parameter("blob", .uuid) { $0.blob }
    let place = parameter("place", .int4) { $0.place }
    let body = parameter("body", .bytea) { $0.body }
    return """
      insert into blob_piece (tenant_id, blob_id, place, body) values (\(tenant), \(blob), \(place), \(body))
      """
  }

  static let insertWhole = Statement<(tenant: TenantID, id: UUID, sha256: [UInt8], body: [UInt8]), StoredBlob>(
    columns
  ) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id }
    let sha256 = parameter("sha256", .bytea) { $0.sha256 }
    let body = parameter("body", .bytea) { $0.body }
    let bytes = parameter("bytes", .int8) { Int64($0.body.count) }
    return """
      with known as (
        select id, sha256, bytes from blob where tenant_id = \(tenant) and sha256 = \(sha256)
      ), made as (
        insert into blob (tenant_id, id, sha256, bytes)
        select \(tenant), \(id), \(sha256), \(bytes) where not exists (select 1 from known)
        on conflict (tenant_id, sha256) where sha256 is not null do nothing
        returning tenant_id, id, sha256, bytes
      ), pieces as (
        insert into blob_piece (tenant_id, blob_id, place, body)
        select tenant_id, id, 0, \(body) from made where bytes > 0
      ), checked as (
        insert into workspace_check (due_at, tenant_id, kind, id)
        select now() + \(WorkspaceCleanup.blobGrace), tenant_id, 'blob', id from made
      )
      select \(columns) from known union all select \(columns) from made
      """
  }

  static let find = Statement<(tenant: TenantID, sha256: [UInt8]), StoredBlob>(columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let sha256 = parameter("sha256", .bytea) { $0.sha256 }
    return "select \(columns) from blob where tenant_id = \(tenant) and sha256 = \(sha256)"
  }

  static let complete = Statement<(tenant: TenantID, blob: StoredBlob), StoredBlob>(columns) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.blob.id }
    let sha256 = parameter("sha256", .bytea) { $0.blob.sha256 }
    let bytes = parameter("bytes", .int8) { $0.blob.bytes }
    return """
      update blob set sha256 = \(sha256), bytes = \(bytes) where tenant_id = \(tenant) and id = \(id)
      returning \(columns)
      """
  }

  static let drop = Statement<(tenant: TenantID, id: UUID), Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let id = parameter("id", .uuid) { $0.id }
    return "delete from blob where tenant_id = \(tenant) and id = \(id) and sha256 is null"
  }

  private static let body = ResultColumns<[UInt8]> { column in
    let body = column("body", .bytea)
    return { row in try row[body] }
  }

  static let readPiece = Statement<(tenant: TenantID, blob: UUID, place: Int32), [UInt8]>(body) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let blob = parameter("blob", .uuid) { $0.blob }
    let place = parameter("place", .int4) { $0.place }
    return """
      select \(body) from blob_piece where tenant_id = \(tenant) and blob_id = \(blob) and place = \(place)
      """
  }
}

extension PostgresError {
  /// Whether a row that another one refers to is not there.
  package var isForeignKeyViolation: Bool { sqlState == "23503" }
}
