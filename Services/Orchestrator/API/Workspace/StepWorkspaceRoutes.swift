internal import APIKit
internal import Artefacts
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Memories
internal import Primitives
internal import RunEngine
internal import RunStorage
internal import ServiceKit
internal import Telemetry

/// `/worker/v1/steps/{id}/artefacts` and `/memories`: what steps read and write.
struct StepWorkspaceRoutes: Sendable {
  let access: StepAccess
  let artefacts: ArtefactStore
  let blobs: BlobStore
  let limits: ArtefactLimits
  let memories: MemoryStore
  let metrics: WorkspaceMetrics

  func add(to router: inout Router) {
    router.api(.get, WorkspacePath.artefacts("{id}"), list)
    router.api(.get, WorkspacePath.artefact("{id}", "{name*}"), read)
    router.api(.put, WorkspacePath.artefact("{id}", "{name*}"), write)
    router.api(.post, WorkspacePath.memories("{id}"), remember)
    router.api(.post, WorkspacePath.memorySearch("{id}"), recall)
  }

  // MARK: Files

  private func name(_ request: HTTPRequest) throws(Problem) -> ArtefactName {
    guard let text = request.parameters["name"], let name = ArtefactName(text) else { throw Problem(.invalidArtefactName) }
    return name
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let rows = try await artefacts.artefacts(
      (proof.lease.tenant, proof.lease.run, nil, WorkspaceLimits.artefactsListedMax), allVersions: false)
    return .json { $0.objects("artefacts", rows) { $0.writeMembers(to: &$1) } }
  }

  private func read(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let name = try name(request)
    guard let row = try await artefacts.newest(proof.lease.tenant, proof.lease.run, name) else {
      throw Problem.notFound("artefact")
    }
    metrics.bytesRead.add(UInt64(clamping: row.bytes))
    var response = try ArtefactDownload(blobs: blobs, tenant: proof.lease.tenant).response(request, row)
    response.headers.set(.contentType, row.mediaType)
    return response
  }

  private func write(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let name = try name(request)
    let blob = try await ArtefactRoutes.store(request, proof.lease.tenant, blobs)
    let row = try await artefacts.add(
      ArtefactStore.Addition(
        proof.lease.tenant, run: proof.lease.run, name, blob,
        mediaType: MediaType.of(name, stated: request.headers[.contentType]), by: "step:\(proof.lease.key)",
        fence: proof.fence, limits: limits))
    guard let row else {
      metrics.refused(.runArtefacts)
      throw try await access.refusal(proof, or: Problem(.artefactQuotaExceeded))
    }
    metrics.stored("step", bytes: blob.bytes)
    return ArtefactRoutes.response(.ok, row)
  }

  // MARK: Memories

  private func scope(_ proof: StepAccess.Proof) async throws -> MemoryScope {
    guard let scope = try await memories.scope(of: proof.lease.run, proof.lease.tenant) else {
      throw ChangeRefusal.leaseLost
    }
    return scope
  }

  private func remember(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    let memory = try NewMemory(try await request.json().root)
    do {
      let (stored, isNew) = try await memories.add(
        memory, to: try await scope(proof), run: proof.lease.run, by: "step:\(proof.lease.key)", fence: proof.fence)
      if isNew { metrics.memories.add() }
      return .json(isNew ? .created : .ok) { stored.writeMembers(to: &$0) }
    } catch let error as MemoryRefusal where error == .quota {
      metrics.refused(.memories)
      throw try await access.refusal(proof, or: error.problem)
    }
  }

  private func recall(_ request: HTTPRequest) async throws -> HTTPResponse {
    let proof = try await access.proof(request)
    var fields = JSONFields(try await request.json().root)
    let query = fields.string("query", isRequired: true, bytesMax: WorkspaceLimits.memoryQueryBytesMax) ?? ""
    let limit = fields.int("limit", in: 1...Int64(WorkspaceLimits.memoriesFoundMax)) ?? 10
    try fields.finish()
    metrics.searches.add()
    let found = try await memories.search((try await scope(proof), query, Int(limit)))
    return .json { $0.objects("memories", found) { $0.writeMembers(to: &$1) } }
  }
}
