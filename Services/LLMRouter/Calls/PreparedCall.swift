internal import AnswerCache
internal import Budgets
internal import Checks
internal import Contracts
internal import Dialects
internal import HTTPWire
internal import ModelCatalog
internal import Routing

/// A call that is ready to be made. One object: as a value it would stand in the frame of every step on its way, for
/// as long as a stream lasts.
final class PreparedCall: Sendable {
  let request: CallRequest
  let caller: CallPrincipal
  let snapshot: CatalogSnapshot
  let plan: RoutePlan
  let account: CallAccount
  let forwarded: HTTPHeaders
  let deadline: UInt64
  let policy: CachePolicy
  /// What the answer has to be like.
  let check: AnswerCheck?
  /// Whom budgets and rate limits are looked up for.
  let subjects: CallSubjects
  /// Whether the call goes on without its tools where a model takes none.
  let hasOptionalTools: Bool
  let pendingWrite = PendingWrite()

  init(
    request: CallRequest, caller: CallPrincipal, snapshot: CatalogSnapshot, plan: RoutePlan, account: CallAccount,
    forwarded: HTTPHeaders, deadline: UInt64, policy: CachePolicy, check: AnswerCheck?, subjects: CallSubjects,
    hasOptionalTools: Bool
  ) {
    self.hasOptionalTools = hasOptionalTools
    self.request = request
    self.caller = caller
    self.snapshot = snapshot
    self.plan = plan
    self.account = account
    self.forwarded = forwarded
    self.deadline = deadline
    self.policy = policy
    self.check = check
    self.subjects = subjects
  }

  /// The event that reports the end of a stream that is not read here.
  func event(of failure: CallFailure) -> [UInt8] {
    let dialect = request.dialect
    return dialect.errorEvent(
      status: Int(failure.status(in: dialect).code), code: failure.code, message: failure.message,
      id: account.id.description)
  }

  /// The same call with another plan.
  func with(_ plan: RoutePlan) -> PreparedCall {
    PreparedCall(
      request: request, caller: caller, snapshot: snapshot, plan: plan, account: account, forwarded: forwarded,
      deadline: deadline, policy: policy, check: check, subjects: subjects, hasOptionalTools: hasOptionalTools)
  }

  /// The same call with another request.
  func with(_ request: CallRequest) -> PreparedCall {
    PreparedCall(
      request: request, caller: caller, snapshot: snapshot, plan: plan, account: account, forwarded: forwarded,
      deadline: deadline, policy: policy, check: check, subjects: subjects, hasOptionalTools: hasOptionalTools)
  }
}
