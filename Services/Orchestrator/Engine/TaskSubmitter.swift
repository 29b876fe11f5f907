package import Artefacts
package import Contracts
internal import Primitives
package import RunStorage

/// Why a task document gives no run.
package enum TaskRefusal: Error {
  /// There is no such workflow, or no such version.
  case unknownWorkflow(String, version: Int?)
  /// There is no such project, or it is archived.
  case unknownProject(ProjectID)
  /// Files that it names cannot be given to its run.
  case artefacts(ArtefactStore.AttachRefusal)

  /// What callers are answered.
  package var code: ProblemCode {
    switch self {
    case .unknownWorkflow: .unknownWorkflow
    case .unknownProject: .unknownProject
    case .artefacts(.unknown): .unknownArtefact
    case .artefacts(.sameName): .artefactsShareName
    case .artefacts(.quota): .artefactQuotaExceeded
    }
  }

  /// What is wrong.
  package var message: String {
    switch self {
    case .unknownWorkflow(let name, let version):
      "There is no workflow \(name)\(version.map { " version \($0)" } ?? ""); GET /api/v1/workflows lists them."
    case .unknownProject(let project): "There is no project \(project), or it is archived."
    case .artefacts(.unknown(let id)): "There is no artefact \(id); uploads expire after a while."
    case .artefacts(.sameName(let name)): "Two of the artefacts are called \(name)."
    case .artefacts(.quota): ProblemCode.artefactQuotaExceeded.detail
    }
  }
}

/// Turns task documents into runs.
package struct TaskSubmitter: Sendable {
  private let engine: Engine
  private let projects: ProjectStore
  private let artefacts: ArtefactStore
  private let limits: ArtefactLimits

  /// Makes runs of `engine` in `projects`, with files of `artefacts`.
  package init(engine: Engine, projects: ProjectStore, artefacts: ArtefactStore, limits: ArtefactLimits) {
    self.engine = engine
    self.projects = projects
    self.artefacts = artefacts
    self.limits = limits
  }

  /// Prepares the run of a task document, and gives it the files that it names. Throws `TaskRefusal`.
  package func prepare(
    _ request: TaskRequest, _ tenant: TenantID, principal: String, traceparent: String?, run: RunID, task: TaskID
  ) async throws -> Submission {
    guard
      let workflow = try await engine.catalog.findForUse(tenant, request.workflow, version: request.workflowVersion)
    else { throw TaskRefusal.unknownWorkflow(request.workflow, version: request.workflowVersion) }
    if let project = request.project {
      guard let found = try await projects.project(tenant, project), found.archivedAt == nil else {
        throw TaskRefusal.unknownProject(project)
      }
    }
    var request = request
    if !request.artefacts.isEmpty {
      do {
        let files = try await artefacts.attach(request.artefacts, to: run, tenant, limits: limits)
        request = request.naming(files.map(\.reference))
      } catch let refusal as ArtefactStore.AttachRefusal { throw TaskRefusal.artefacts(refusal) }
    }
    let facts = RunFacts(
      tenant: tenant, task: task, project: request.project, priority: request.priority, parent: nil, depth: 0,
      traceparent: traceparent)
    return try Submission.begin(
      run: run, facts: facts, task: request.task, principal: principal, workflow: workflow, input: request.input)
  }
}
