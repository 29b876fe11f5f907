package import Artefacts
internal import Contracts
internal import HTTP
package import Memories
package import Postgres
internal import RunStorage
internal import ServiceKit
package import Telemetry
package import ToolRegistry

/// Files, memories and tools: the stores that their routes use.
package struct OrchestratorWorkspace: Sendable {
  package let artefacts: ArtefactStore
  package let artefactLimits: ArtefactLimits
  let blobs: BlobStore
  let memories: MemoryStore
  let registry: ToolRegistry
  let metrics: WorkspaceMetrics

  /// The stores on a database.
  package init(
    pool: PostgresPool, artefacts limits: ArtefactLimits, memories: MemoryLimits, registry: ToolRegistry,
    telemetry: Telemetry
  ) {
    artefacts = ArtefactStore(pool: pool)
    artefactLimits = limits
    blobs = BlobStore(pool: pool)
    self.memories = MemoryStore(pool: pool, limits: memories)
    self.registry = registry
    metrics = WorkspaceMetrics(telemetry.registry)
  }

  /// Adds the routes.
  func add(
    to router: inout Router, storage: OrchestratorStorage, callers: Authenticator, workers: WorkerAuthenticator
  ) {
    let access = StepAccess(store: storage.runs, workers: workers)
    ArtefactRoutes(
      artefacts: artefacts, blobs: blobs, limits: artefactLimits, runs: storage.runs, callers: callers,
      metrics: metrics
    ).add(to: &router)
    MemoryRoutes(memories: memories, projects: storage.projects, callers: callers, metrics: metrics).add(to: &router)
    ToolRoutes(registry: registry, callers: callers, metrics: metrics).add(to: &router)
    MCPServerRoutes(registry: registry, callers: callers, metrics: metrics).add(to: &router)
    StepWorkspaceRoutes(
      access: access, artefacts: artefacts, blobs: blobs, limits: artefactLimits, memories: memories, metrics: metrics
    ).add(to: &router)
    StepRegistryRoutes(access: access, workers: workers, registry: registry, metrics: metrics).add(to: &router)
  }
}
