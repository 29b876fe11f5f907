internal import APIKit
public import Contracts
public import HTTP
internal import HTTPWire
internal import JSON
internal import PolicyDecisions
internal import Primitives
public import ServiceKit

/// `/internal/v1/…/policies`: where the gateway delivers what is said about policies. It forwards nothing there from
/// outside.
public struct PolicyStateRoutes: Sendable {
  private let service: Audience
  private let follower: PolicyStateFollower
  private let callers: Authenticator

  /// Makes the routes.
  public init(_ service: Audience, follower: PolicyStateFollower, callers: Authenticator) {
    self.service = service
    self.follower = follower
    self.callers = callers
  }

  /// Adds the routes.
  public func add(to router: inout Router) {
    let path = PolicyPath.of(service)
    router.api(.get, path) { request in
      try callers.requireOperator(request)
      let receipt = try await follower.store.read().receipt
      follower.policies.heard()
      return .json { receipt.writeMembers(to: &$0) }
    }
    router.api(.put, path) { request in
      try callers.requireOperator(request)
      let delivery = try PolicyDelivery(try await request.json().root)
      let receipt = try await follower.store.take(delivery).receipt
      follower.policies.heard()
      // In force here with the answer; the other replicas hear of it.
      await follower.refresh()
      return .json { receipt.writeMembers(to: &$0) }
    }
  }
}
