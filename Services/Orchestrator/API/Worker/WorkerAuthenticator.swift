internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Primitives
package import ServiceKit
internal import SystemSources

/// Reads which worker makes a request. The worker protocol asks here and nowhere else.
package struct WorkerAuthenticator: Sendable {
  /// By so much a step's assertion may have expired: a worker that did not reach the orchestrator for a while delivers
  /// its result all the same, if nobody else got the step meanwhile. The lease decides, not the time; longer than
  /// workers go on without an answer.
  private static let lateSeconds: Int64 = 1200

  private let assertions: Authenticator
  private let workers: WorkerCredentials

  /// Accepts the assertions of `assertions`, and workers with a credential of `workers`.
  package init(assertions: Authenticator, workers: WorkerCredentials) {
    self.assertions = assertions
    self.workers = workers
  }

  /// Lets only workers pass. Throws a 401 `Problem`.
  func require(_ request: HTTPRequest) throws(Problem) { try workers.require(request) }

  /// The worker behind an assertion, which must be for `step`. Throws a 401 or 403 `Problem`.
  func caller(of step: StepID, assertion: String?) throws(Problem) -> Caller {
    let caller = try assertions.authenticate(
      assertion, scope: .step, now: WallClock.now(), late: WorkerAuthenticator.lateSeconds)
    guard caller.step?.id == step else {
      throw Problem(.stepDiffers)
    }
    return caller
  }

  /// Checks that the assertion of a worker was made for the lease with this token. Throws a 403 `Problem`.
  func requireLease(_ token: UUID, of holder: LeaseHolder) throws(Problem) {
    let isHeld =
      switch holder {
      case .caller(let caller): caller.step?.lease == LeaseBinding(token: token)
      case .token(let signed): signed == token
      }
    guard isHeld else { throw Problem(.leaseDiffers) }
  }
}

/// Whose lease a worker's assertion was made for.
enum LeaseHolder: Sendable {
  /// A verified assertion: it names its lease by a digest of the token.
  case caller(Caller)
  /// An assertion that this process has signed itself, for the lease with this token.
  case token(UUID)
}
