internal import Contracts
internal import GatewayForwarding
internal import GatewayPolicyControl
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Telemetry

/// A service to which policies are delivered, at the address that is for the gateway alone.
struct ServicePolicies: PolicyReceiving {
  private static let timeout = Duration.seconds(5)
  private static let answerBytesMax = 64 << 10
  /// The switches are of no tenant.
  private static let caller = Caller(
    issuer: .gateway, tenant: TenantID(UUID(high: 0, low: 0)), principal: "gateway", scopes: [.operator])

  private let service: Audience
  private let upstream: Upstream

  init(_ service: Audience, through upstream: Upstream) {
    self.service = service
    self.upstream = upstream.within(ServicePolicies.timeout)
  }

  var name: String { service.rawValue }

  func receipt() async throws -> PolicyReceipt { try await ask(UpstreamCall(.get, PolicyPath.of(service))) }

  func take(_ delivery: PolicyDelivery) async throws -> PolicyReceipt {
    try await ask(UpstreamCall(.put, PolicyPath.of(service), body: delivery.document()))
  }

  private func ask(_ call: UpstreamCall) async throws -> PolicyReceipt {
    let answer = try await upstream.answer(
      call, as: ServicePolicies.caller, trace: .root(isSampled: false), bytesMax: ServicePolicies.answerBytesMax)
    guard answer.status == .ok, case .bytes(let bytes) = answer.body,
      let receipt = (try? JSONDocument(parsing: bytes)).flatMap({ PolicyReceipt($0.root) })
    else { throw PolicyRefusal(service: service, status: Int(answer.status.code)) }
    return receipt
  }
}

/// A service does not take a delivery of policies.
struct PolicyRefusal: Error, CustomStringConvertible {
  let service: Audience
  let status: Int

  var description: String {
    status == 404
      ? "the \(service.rawValue) is of an earlier version, which keeps its settings"
      : "the \(service.rawValue) answers \(status)"
  }
}
