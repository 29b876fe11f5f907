internal import Contracts
internal import HTTP
internal import Policy
package import PolicyDecisions
internal import RunStorage

/// Who may decide what: the policies are asked with who has submitted the task and who decides.
package struct ApprovalPolicy: Sendable {
  private static let path = ["cadre", "approvals", "decision"]

  private let engine: any PolicyDeciding

  /// Makes a policy.
  package init(_ engine: any PolicyDeciding) { self.engine = engine }

  /// Throws a 403 `Problem` when the caller may not say `decision` (`approve`, `reject`, `outcome`, `answer`).
  func check(_ caller: Caller, _ row: ApprovalRow, _ decision: String) async throws(Problem) {
    let answer = await engine.decide(
      PolicyQuery(
        path: ApprovalPolicy.path, input: ApprovalPolicy.input(caller, row, decision),
        tenant: caller.tenant.description, requestedBy: "orchestrator"))
    guard !answer.isAllowed else { return }
    throw Problem(.accessDenied, answer.reasons.isEmpty ? nil : answer.reasons.joined(separator: "; "))
  }

  static func input(_ caller: Caller, _ row: ApprovalRow, _ decision: String) -> RegoValue {
    func object(_ members: [(String, String?)]) -> RegoValue {
      .object(RegoObject(members.compactMap { name, value in value.map { (.string(name), .string($0)) } }))
    }
    let risk = row.tool.flatMap { BuiltInTools.named($0)?.risk.rawValue }
    return .object(
      RegoObject([
        (
          .string("subject"),
          object([("id", caller.principal), ("role", caller.role), ("tenant", caller.tenant.description)])
        ),
        (
          .string("action"),
          object([
            ("kind", row.kind.rawValue), ("tool", row.tool), ("risk", risk), ("requested_by", row.requestedBy),
            ("decision", decision),
          ])
        ),
      ]))
  }
}
