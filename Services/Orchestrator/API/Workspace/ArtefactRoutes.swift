internal import APIKit
internal import Artefacts
internal import Contracts
internal import Crypto
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import SystemSources
internal import Telemetry

/// `/api/v1/artefacts` and `/api/v1/runs/{id}/artefacts`: files that people upload, and files of runs.
struct ArtefactRoutes: Sendable {
  private static let pageMax = 200

  let artefacts: ArtefactStore
  let blobs: BlobStore
  let limits: ArtefactLimits
  let runs: RunStore
  let callers: Authenticator
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/artefacts", uploads)
    router.api(.post, "/api/v1/artefacts", upload)
    router.api(.get, "/api/v1/artefacts/{id}") { request in
      let (_, row) = try await find(request)
      return ArtefactRoutes.response(.ok, row)
    }
    router.api(.get, "/api/v1/artefacts/{id}/content") { request in
      let (caller, row) = try await find(request)
      metrics.bytesRead.add(UInt64(clamping: row.bytes))
      return try ArtefactDownload(blobs: blobs, tenant: caller.tenant).response(request, row)
    }
    router.api(.delete, "/api/v1/artefacts/{id}", delete)
    router.api(.get, "/api/v1/runs/{id}/artefacts", list)
  }

  private func find(_ request: HTTPRequest) async throws -> (Caller, ArtefactRow) {
    let caller = try callers.caller(of: request)
    let id = try PathParameter.id(request, ArtefactID.self)
    guard let row = try await artefacts.artefact(caller.tenant, id) else { throw Problem.notFound("artefact") }
    return (caller, row)
  }

  static func response(_ status: HTTPStatus, _ row: ArtefactRow) -> HTTPResponse {
    var response = HTTPResponse.json(status) { row.writeMembers(to: &$0) }
    response.headers.append(.eTag, "\"\(row.digest)\"")
    return response
  }

  private func upload(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    guard let name = ArtefactName(try request.query()["name"] ?? "") else { throw Problem(.invalidArtefactName) }
    let key = try IdempotencyKey.header(of: request)
    let blob = try await ArtefactRoutes.store(request, caller.tenant, blobs)
    let id = key.map { ArtefactRoutes.id(of: $0, caller.tenant) } ?? .make()
    let row = try await artefacts.add(
      ArtefactStore.Addition(
        caller.tenant, upload: id, name, blob,
        mediaType: MediaType.of(name, stated: request.headers[.contentType]), by: caller.principal, limits: limits))
    guard let row else {
      metrics.refused(.uploads)
      throw Problem(.uploadQuotaExceeded)
    }
    guard row.blob == blob.id, row.name == name.text else {
      throw Problem(.idempotencyKeyReused, "This Idempotency-Key was used for another upload; use a new key.")
    }
    metrics.stored("upload", bytes: blob.bytes)
    var response = ArtefactRoutes.response(.created, row)
    response.headers.append(.location, "/api/v1/artefacts/\(row.id)")
    return response
  }

  /// Stores the body of a request as it comes.
  static func store(_ request: HTTPRequest, _ tenant: TenantID, _ blobs: BlobStore) async throws -> StoredBlob {
    try await blobs.write(tenant, bytesMax: WorkspaceLimits.artefactBytesMax) { try await request.body.next() }
  }

  /// The id of the upload that a key stands for.
  private static func id(of key: String, _ tenant: TenantID) -> ArtefactID {
    let digest = Digest.sha256(Array("upload \(tenant) \(key)".utf8))
    func word(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    // Version 8 of RFC 9562: what an application defines.
    return ArtefactID(
      UUID(
        high: word(digest[0..<8]) & 0xFFFF_FFFF_FFFF_0FFF | 0x8000,
        low: word(digest[8..<16]) & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000))
  }

  private func uploads(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let page = try PageRequest<ArtefactKind>(try request.query(), standard: 50, max: ArtefactRoutes.pageMax)
    let rows = try await artefacts.uploads((caller.tenant, page.cursor, page.rows))
    return ArtefactRoutes.page(rows, limit: page.limit)
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try callers.caller(of: request)
    let run = try PathParameter.id(request, RunID.self)
    let query = try request.query()
    let page = try PageRequest<ArtefactKind>(query, standard: 50, max: ArtefactRoutes.pageMax)
    let versions = try QueryParameter.word(query, "versions", allowed: ["newest", "all"])
    guard try await runs.run(caller.tenant, run) != nil else { throw Problem.notFound("run") }
    let rows = try await artefacts.artefacts(
      (caller.tenant, run, page.cursor, page.rows), allVersions: versions == "all")
    return ArtefactRoutes.page(rows, limit: page.limit)
  }

  static func page(_ rows: [ArtefactRow], limit: Int) -> HTTPResponse {
    .page("artefacts", rows, limit: limit, cursor: { $0.id.description }) { $0.writeMembers(to: &$1) }
  }

  private func delete(_ request: HTTPRequest) async throws -> HTTPResponse {
    let (caller, row) = try await find(request)
    guard row.run == nil else { throw Problem(.artefactOfRun) }
    guard try await artefacts.deleteUpload(caller.tenant, row.id) else { throw Problem.notFound("artefact") }
    return HTTPResponse(.noContent)
  }
}
