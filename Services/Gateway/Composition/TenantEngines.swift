internal import Contracts
internal import GatewayAccounts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Telemetry

/// What the services do with all that a tenant has: they are asked one after the other, on behalf of an operator.
struct TenantEngines: TenantErasing, TenantExporting {
  private static let answerBytesMax = 1 << 20

  let upstreams: [(service: Audience, upstream: Upstream)]

  private func caller(_ tenant: TenantID) -> Caller {
    Caller(issuer: .gateway, tenant: tenant, principal: "gateway", scopes: [.api, .operator])
  }

  func erase(_ tenant: TenantID) async throws {
    for (service, upstream) in upstreams {
      let call = UpstreamCall(.delete, TenantPath.of(service, tenant: tenant.description))
      let answer = try await upstream.answer(
        call, as: caller(tenant), trace: .root(isSampled: false), bytesMax: TenantEngines.answerBytesMax)
      guard answer.status.code < 300 else {
        throw Problem(.upstreamUnavailable, "The \(service.rawValue) did not begin the deletion. Ask again.")
      }
    }
  }

  /// The exports of the services, one behind the other.
  func export(_ tenant: TenantID) async throws -> HTTPResponse {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/x-ndjson")
    let (upstreams, caller) = (upstreams, caller(tenant))
    return HTTPResponse(
      .ok, headers: headers,
      body: .stream(length: nil) { writer in
        for (service, upstream) in upstreams {
          let call = UpstreamCall(.get, TenantPath.of(service, tenant: tenant.description) + TenantPath.export)
          let answer = try await upstream.open(call, as: caller, trace: .root(isSampled: false))
          guard answer.status == .ok else { throw Problem(.upstreamUnavailable) }
          while let piece = try await answer.body.next() { try await writer.write(piece) }
        }
      })
  }
}
