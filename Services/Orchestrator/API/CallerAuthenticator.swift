package import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
package import ServiceKit
internal import SystemSources

/// Reads who makes a request, and signs for workers what they may do. Every route asks here and nowhere else.
package struct CallerAuthenticator: Sendable {
  private let assertions: Authenticator
  private let workers: WorkerCredentials
  private let steps: StepAssertions

  /// Believes assertions of the gateway and of the orchestrator itself and credentials of workers, and signs for leased
  /// steps with `steps`.
  package init(_ assertions: Authenticator, workers: WorkerCredentials, steps: StepAssertions) {
    self.assertions = assertions
    self.workers = workers
    self.steps = steps
  }

  /// The caller on whose behalf the gateway makes a request. Throws a 401 or 403 `Problem`.
  func caller(of request: HTTPRequest) throws(Problem) -> Caller {
    try assertions.authenticate(request, scope: .api)
  }

  /// Lets only workers pass. Throws a `Problem`.
  func requireWorker(_ request: HTTPRequest) throws(Problem) { try workers.require(request) }

  /// Lets only the operator of the installation pass. Throws a `Problem`.
  func requireOperator(_ request: HTTPRequest) throws(Problem) {
    _ = try assertions.authenticate(request, scope: .operator)
  }

  /// The worker that has leased `step`, by the text of the step's assertion. Throws a 401 or 403 `Problem`.
  func stepCaller(_ assertion: String?, of step: StepID) throws(Problem) -> Caller {
    try StepCaller.authenticate(assertion, of: step, assertions)
  }

  /// A fresh assertion for a step whose lease begins or goes on.
  func assertion(of caller: Caller, leaseMilliseconds: Int64) -> String {
    steps.text(for: caller, leaseMilliseconds: leaseMilliseconds, now: WallClock.now())
  }
}
