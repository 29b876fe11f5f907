public import AgentWorkspace
public import Contracts
internal import Crypto
public import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
public import ServiceKit
internal import Synchronization
internal import SystemSources

/// The workspace of steps at the orchestrator.
public final class WorkspaceClient: ArtefactStoring, MemoryStoring, RegistryReading {
  private static let listBytesMax = 4 << 20
  private static let registryBytesMax = 64 << 20
  /// For bodies of megabytes.
  private static let transferTimeout = Duration.seconds(60)
  /// Tenants whose registry is kept.
  private static let registriesMax = 256
  private static let sourcesBytesMax = 64 << 20

  private let link: WorkspaceLink
  private let registries = Mutex<[TenantID: ToolRegistrySnapshot]>([:])
  private let sources = Mutex(SourceCache(bytesMax: WorkspaceClient.sourcesBytesMax))

  /// Makes a client of the replicas of the orchestrator.
  public init(client: HTTPClient, peers: PeerSet, credentials: WorkerCredentials, clock: any WorkerClock) {
    link = WorkspaceLink(client: client, peers: peers, credentials: credentials, clock: clock)
  }

  // MARK: Files

  private static func path(_ name: ArtefactName, _ step: WorkspaceStep) -> String {
    let encoded = name.text.split(separator: "/").map { PercentEncoding.encode(String($0)) }.joined(separator: "/")
    return WorkspacePath.artefact(step.step.description, encoded)
  }

  /// As `ArtefactStoring` says.
  public func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference {
    guard bytes.count <= WorkspaceLimits.artefactBytesMax else {
      throw WorkspaceError(
        .refused, code: "body_too_large", "A file has at most \(WorkspaceLimits.artefactBytesMax) bytes.")
    }
    var call = WorkspaceCall(.put, WorkspaceClient.path(name, step))
    call.body = .bytes(bytes)
    call.timeout = WorkspaceClient.transferTimeout
    call.headers.set(.contentType, mediaType ?? MediaType.unknown)
    guard let reference = ArtefactReference(try await link.send(call, for: step).document()) else {
      throw WorkspaceClient.unreadable
    }
    return reference
  }

  /// As `ArtefactStoring` says.
  public func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8]) {
    var call = WorkspaceCall(.get, WorkspaceClient.path(name, step))
    // Room for a problem document, whatever is asked for.
    call.answerBytesMax = max(bytesMax, 16 << 10)
    call.timeout = WorkspaceClient.transferTimeout
    let reply: WorkspaceReply
    do { reply = try await link.send(call, for: step) } catch let error as WorkspaceError
      where error.code == "answer_too_large"
    {
      throw WorkspaceClient.tooLarge(name, bytesMax)
    }
    guard reply.bytes.count <= bytesMax else { throw WorkspaceClient.tooLarge(name, bytesMax) }
    let sha256 = Hex.encode(Digest.sha256(reply.bytes))
    guard reply.headers[.eTag] == "\"\(sha256)\"" else { throw WorkspaceClient.unreadable }
    let reference = ArtefactReference(
      name: name.text, sha256: sha256, bytes: Int64(reply.bytes.count),
      mediaType: reply.headers[.contentType] ?? MediaType.unknown)
    return (reference, reply.bytes)
  }

  /// As `ArtefactStoring` says.
  public func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference] {
    var call = WorkspaceCall(.get, WorkspacePath.artefacts(step.step.description))
    call.answerBytesMax = WorkspaceClient.listBytesMax
    let root = try await link.send(call, for: step).document()
    return root["artefacts"]?.elements.compactMap { ArtefactReference($0) } ?? []
  }

  private static func tooLarge(_ name: ArtefactName, _ bytesMax: Int) -> WorkspaceError {
    WorkspaceError(.refused, code: "artefact_too_large", "\(name) has more than \(bytesMax) bytes.")
  }

  private static let unreadable = WorkspaceError(
    .unavailable, code: "unreadable_answer", "The answer of the orchestrator cannot be read.")

  // MARK: Memories

  /// As `MemoryStoring` says.
  public func remember(
    _ text: String, tags: [String], key: String?, for step: WorkspaceStep
  ) async throws -> StoredMemory {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("text", text)
    writer.member("tags", tags)
    // Without a key of its own the call gets one, so that a repetition stores nothing twice.
    writer.member("key", key ?? "call:\(UUID.random())")
    writer.endObject()
    let call = WorkspaceCall(.post, WorkspacePath.memories(step.step.description)).sending(writer.bytes)
    guard let memory = StoredMemory(try await link.send(call, for: step).document()) else {
      throw WorkspaceClient.unreadable
    }
    return memory
  }

  /// As `MemoryStoring` says.
  public func recall(_ query: String, limit: Int, for step: WorkspaceStep) async throws -> [StoredMemory] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("query", query)
    writer.member("limit", Int64(max(1, min(limit, WorkspaceLimits.memoriesFoundMax))))
    writer.endObject()
    var call = WorkspaceCall(.post, WorkspacePath.memorySearch(step.step.description)).sending(writer.bytes)
    call.answerBytesMax = WorkspaceClient.listBytesMax
    let root = try await link.send(call, for: step).document()
    return root["memories"]?.elements.compactMap { StoredMemory($0) } ?? []
  }

  // MARK: Registry

  /// As `RegistryReading` says.
  public func registry(for step: WorkspaceStep) async throws -> ToolRegistrySnapshot {
    let known = registries.withLock { $0[step.tenant] }
    var call = WorkspaceCall(.get, WorkspacePath.registry(step.step.description))
    call.answerBytesMax = WorkspaceClient.registryBytesMax
    if let known { call.headers.set(.ifNoneMatch, "\"\(known.revision)\"") }
    let reply = try await link.send(call, for: step)
    if let known, reply.status.code == 304 { return known }
    guard let snapshot = ToolRegistrySnapshot(try reply.document()) else { throw WorkspaceClient.unreadable }
    registries.withLock { registries in
      if registries[step.tenant] == nil, registries.count >= WorkspaceClient.registriesMax,
        let other = registries.keys.first
      {
        registries[other] = nil
      }
      registries[step.tenant] = snapshot
    }
    return snapshot
  }

  /// As `RegistryReading` says.
  public func source(of tool: UserTool, for step: WorkspaceStep) async throws -> [UInt8] {
    if let source = sources.withLock({ $0.find(tool.sourceSHA256) }) { return source }
    let path = WorkspacePath.toolSource(step.step.description, tool.definition.name)
    var call = WorkspaceCall(.get, "\(path)?sha256=\(tool.sourceSHA256)")
    call.answerBytesMax = WorkspaceLimits.toolSourceBytesMax
    call.timeout = WorkspaceClient.transferTimeout
    let source = try await link.send(call, for: step).bytes
    guard Hex.encode(Digest.sha256(source)) == tool.sourceSHA256 else { throw WorkspaceClient.unreadable }
    sources.withLock { $0.add(tool.sourceSHA256, source) }
    return source
  }

  /// As `RegistryReading` says.
  public func secrets(of server: MCPServerID, for step: WorkspaceStep) async throws -> MCPSecrets {
    let call = WorkspaceCall(.get, WorkspacePath.mcpSecrets(step.step.description, server.description))
    guard let secrets = MCPSecrets(try await link.send(call, for: step).document()) else {
      throw WorkspaceClient.unreadable
    }
    return secrets
  }

  /// As `RegistryReading` says.
  public func report(_ report: MCPReport, on server: MCPServerID) async throws {
    let call = WorkspaceCall(.post, WorkspacePath.mcpReport(server.description)).sending(report.document())
    _ = try await link.send(call, for: nil)
  }
}
