internal import Contracts
internal import HTTP
internal import JSON
internal import Policy
package import PolicyDecisions
internal import RunStorage

/// Who may decide what: the policies are asked with who has submitted the task and who decides.
package struct ApprovalPolicy: Sendable {
  private static let path = ["cadre", "approvals", "decision"]

  private let engine: any PolicyDeciding

  /// Makes a policy.
  package init(_ engine: any PolicyDeciding) { self.engine = engine }

  /// Throws a 403 `Problem` when the caller may not say `decision` (`approve`, `reject`, `outcome`, `answer`), and 503
  /// when nobody can decide.
  func check(_ caller: Caller, _ row: ApprovalRow, _ decision: String) async throws(Problem) {
    let answer = await engine.decide(
      PolicyQuery(
        path: ApprovalPolicy.path, input: ApprovalPolicy.input(caller, row, decision),
        tenant: caller.tenant.description, requestedBy: "orchestrator"))
    guard !answer.isAllowed else { return }
    guard !answer.isUndecided else { throw Problem(.policyUnavailable, retryAfterSeconds: 2) }
    throw Problem(.accessDenied, answer.reasons.isEmpty ? nil : answer.reasons.joined(separator: "; "))
  }

  private static func risk(in subject: [UInt8]?) -> ToolRisk? {
    guard let subject, let root = try? JSONDocument(parsing: subject).root else { return nil }
    return root["risk"]?.string.flatMap(ToolRisk.init(rawValue:))
  }

  static func input(_ caller: Caller, _ row: ApprovalRow, _ decision: String) -> RegoValue {
    func object(_ members: [(String, String?)]) -> RegoValue {
      .object(RegoObject(members.compactMap { name, value in value.map { (.string(name), .string($0)) } }))
    }
    // Of tools that are not built in the worker has said it, with what it asks.
    let risk = row.tool.flatMap { BuiltInTools.named($0)?.risk } ?? ApprovalPolicy.risk(in: row.subject)
    return .object(
      RegoObject([
        (
          .string("subject"),
          object([("id", caller.principal), ("role", caller.role), ("tenant", caller.tenant.description)])
        ),
        (
          .string("action"),
          object([
            ("kind", row.kind.rawValue), ("tool", row.tool), ("risk", risk?.rawValue),
            ("requested_by", row.requestedBy), ("decision", decision),
          ])
        ),
      ]))
  }
}
