internal import Contracts
internal import Crypto
internal import GatewayAccounts
internal import GatewayRequests
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Telemetry

/// A change of the keys that seal second factors.
extension SignInService {
  private static let rotationPartMax = 100

  func addRotation(to router: inout Router, through pipeline: RequestPipeline) {
    pipeline.add(Routes.SignIn.rotation, to: &router) { request, _ in try await rotate(request) }
  }

  /// One part of all of them: brings those of other keys under the first one. What was changed meanwhile is under the
  /// first key already.
  private func rotate(_ request: HTTPRequest) async throws -> HTTPResponse {
    let place = try SignInService.place(try request.query()["cursor"])
    guard parts.sealer.canSeal else {
      throw Problem(.signInUnavailable, "There is no key to seal second factors with.")
    }
    let (changes, limit) = (parts.changes, SignInService.rotationPartMax)
    let found = try await reaching { try await changes.secondFactors(after: place, limit: limit) }
    var (resealed, unreadable): (Int64, Int64) = (0, 0)
    for stored in found where !parts.sealer.isCurrent(stored.sealed) {
      let owner = SessionOwner(tenant: stored.tenant, user: stored.user)
      guard let sealed = SecondFactorSecret.rewrapped(stored.sealed, of: owner, by: parts.sealer) else {
        unreadable += 1
        continue
      }
      guard try await reaching({ try await changes.reseal(stored, sealed) }) else { continue }
      sessions.accounts.forget(.user(stored.user))
      resealed += 1
    }
    if unreadable > 0 { logger.warning("second factors cannot be opened by any key", ["count": .int(unreadable)]) }
    return .json { writer in
      writer.member("examined", Int64(found.count))
      writer.member("resealed", resealed)
      writer.member("unreadable", unreadable)
      let next = found.count < limit ? nil : found.last.map { "\($0.tenant).\($0.user)" }
      writer.member("next_cursor", orNull: next)
    }
  }

  private static func place(_ cursor: String?) throws(Problem) -> (tenant: TenantID, user: UserID)? {
    guard let cursor else { return nil }
    let parts = cursor.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let tenant = TenantID(String(parts[0])), let user = UserID(String(parts[1])) else {
      throw .badParameter("?cursor", "Use next_cursor of an earlier answer.")
    }
    return (tenant, user)
  }
}
