internal import Contracts
internal import GatewayAccounts
internal import GatewayForwarding
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Telemetry
internal import Tenancy

/// The services that have something of tenants, asked on behalf of an operator.
struct TenantEngines: TenantServices, TenantExporting {
  private static let answerBytesMax = 1 << 20
  /// An order waits for no more: another attempt follows.
  private static let orderTimeout = Duration.seconds(5)

  private let upstreams: [(service: Audience, upstream: Upstream)]
  private let own: TenantExport

  /// The services behind their upstreams, and the rows of the gateway.
  init(_ upstreams: [(service: Audience, upstream: Upstream)], own: TenantExport) {
    self.upstreams = upstreams
    self.own = own
  }

  var names: [String] { upstreams.map(\.service.rawValue) }

  private func caller(_ tenant: TenantID) -> Caller {
    Caller(issuer: .gateway, tenant: tenant, principal: "gateway", scopes: [.api, .operator])
  }

  // MARK: Orders

  func apply(_ order: TenantOrder, at service: String) async throws -> TenantReport {
    guard let (audience, upstream) = upstreams.first(where: { $0.service.rawValue == service }) else {
      throw Problem(.upstreamUnavailable)
    }
    let path = TenantPath.of(audience, tenant: order.tenant.description)
    func answer(_ method: HTTPMethod, _ target: String) async throws -> JSONDocument {
      // It may be sent again: a service follows a version once.
      let call = UpstreamCall(method, target, repetition: method == .post ? .always : .asMethod)
      let answer = try await upstream.with(timeout: TenantEngines.orderTimeout).answer(
        call, as: caller(order.tenant), trace: .root(isSampled: false), bytesMax: TenantEngines.answerBytesMax)
      guard answer.status.code < 300, case .bytes(let bytes) = answer.body else {
        throw Problem(.upstreamUnavailable, "The \(service) answered \(answer.status.code).")
      }
      return try JSONDocument(parsing: bytes)
    }
    switch order.state {
    case .active, .suspended:
      let word = order.state == .active ? TenantPath.resume : TenantPath.suspend
      let followed = try await answer(.post, "\(path)\(word)?version=\(order.version)").root["version"]?.int
      guard followed ?? 0 >= Int64(order.version) else {
        throw Problem(.upstreamUnavailable, "The \(service) does not know versions of orders.")
      }
      return TenantReport()
    case .deleting, .deleted:
      guard order.isConfirmed else {
        _ = try await answer(.delete, path)
        return TenantReport()
      }
      let state = try await answer(.get, path).root
      let total = state["total"]?.int
      return TenantReport(
        counts: state["counts"].map { String(decoding: $0.rawBytes, as: UTF8.self) }, total: total,
        deletedAt: total == 0 ? state["deleted_at"]?.string.flatMap { Timestamp(rfc3339: $0) } : nil)
    }
  }

  // MARK: Exports

  /// The rows of the gateway and the exports of the services, one behind the other.
  func export(_ tenant: TenantID) async throws -> HTTPResponse {
    var headers = HTTPHeaders()
    headers.append(.contentType, "application/x-ndjson")
    headers.append(.cacheControl, "no-store")
    let (upstreams, caller, own) = (upstreams, caller(tenant), own)
    return HTTPResponse(
      .ok, headers: headers,
      body: .stream(length: nil) { writer in
        try await own.send(tenant.uuid, &writer)
        try await writer.write(TenantExport.end)
        for (service, upstream) in upstreams {
          let call = UpstreamCall(.get, TenantPath.of(service, tenant: tenant.description) + TenantPath.export)
          let answer = try await upstream.open(call, as: caller, trace: .root(isSampled: false))
          guard answer.status == .ok else { throw Problem(.upstreamUnavailable) }
          while let piece = try await answer.body.next() { try await writer.write(piece) }
        }
      })
  }
}
