internal import APIKit
package import Contracts
package import HTTP
package import PolicyState
internal import Primitives
package import RunEngine
package import RunStorage
package import Schedules
package import ServiceKit
internal import StepDispatch
package import Telemetry
package import Tenancy

/// All routes of the orchestrator.
package struct OrchestratorRoutes: Sendable {
  private let engine: Engine
  private let approvalPolicy: ApprovalPolicy?
  private let storage: OrchestratorStorage
  private let workspace: OrchestratorWorkspace
  private let submitter: TaskSubmitter
  private let schedules: ScheduleService
  private let callers: Authenticator
  private let workers: WorkerAuthenticator
  private let assertions: StepAssertions
  private let lease: Duration
  private let questionLimit: QuestionLimit
  private let tenants: TenantDeletion
  private let policies: PolicyStateFollower?
  private let logger: Logger

  /// Makes the routes. `assertions` signs what workers may do for leased steps; `lease` is the life of a lease,
  /// `questions` that of a question that names none.
  package init(
    engine: Engine, storage: OrchestratorStorage, workspace: OrchestratorWorkspace, submitter: TaskSubmitter,
    schedules: ScheduleService, callers: Authenticator, workers: WorkerAuthenticator, assertions: StepAssertions,
    lease: Duration, questions: Duration, tenants: TenantDeletion, approvalPolicy: ApprovalPolicy? = nil,
    policies: PolicyStateFollower? = nil, logger: Logger
  ) {
    self.engine = engine
    self.approvalPolicy = approvalPolicy
    self.storage = storage
    self.workspace = workspace
    self.submitter = submitter
    self.schedules = schedules
    self.callers = callers
    self.workers = workers
    self.assertions = assertions
    self.lease = lease
    questionLimit = QuestionLimit(questions)
    self.tenants = tenants
    self.policies = policies
    self.logger = logger
  }

  /// Adds the routes.
  package func add(to router: inout Router) {
    let runs = storage.runs
    TaskRoutes(engine: engine, store: runs, submitter: submitter, callers: callers).add(to: &router)
    RunRoutes(engine: engine, store: runs, callers: callers).add(to: &router)
    HistoryRoutes(engine: engine, store: runs, workspace: workspace, callers: callers).add(to: &router)
    StepRoutes(engine: engine, store: runs, callers: callers).add(to: &router)
    StepCallRoutes(engine: engine, store: runs, callers: callers).add(to: &router)
    ApprovalRoutes(engine: engine, approvals: storage.approvals, callers: callers, policy: approvalPolicy).add(
      to: &router)
    QuestionRoutes(engine: engine, approvals: storage.approvals, callers: callers, policy: approvalPolicy).add(
      to: &router)
    WorkflowRoutes(engine: engine, store: runs, workflows: storage.workflows, callers: callers).add(to: &router)
    ProjectRoutes(projects: storage.projects, callers: callers).add(to: &router)
    ScheduleRoutes(
      schedules: storage.schedules, zones: storage.zones, service: schedules, callers: callers
    ).add(to: &router)
    LimitRoutes(limits: storage.limits, dispatcher: engine.dispatcher, callers: callers).add(to: &router)
    WeightRoutes(limits: storage.limits, callers: callers).add(to: &router)
    TenantRoutes(
      .orchestrator, deletion: tenants, callers: callers, changed: { [engine] in engine.dispatcher.wake() }
    ).add(to: &router)
    workspace.add(to: &router, storage: storage, callers: callers, workers: workers)
    WorkerRoutes(
      engine: engine, store: runs, workers: workers, assertions: assertions, logger: logger,
      leaseMilliseconds: lease.milliseconds, questionLimit: questionLimit, policies: policies
    ).add(to: &router)
    if let policies {
      PolicyStateRoutes(.orchestrator, follower: policies, callers: callers).add(to: &router)
      WorkerPolicyRoutes(policies: policies, workers: workers).add(to: &router)
    }
  }
}
