internal import APIKit
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Ledger
internal import ModelCalls
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import ServiceKit
internal import SystemSources

/// `/api/v1/virtual-keys`: short-lived keys for the model endpoints, bound to a run, an agent, models and a budget.
struct KeyRoutes: Sendable {
  private static let nameBytesMax = 200
  /// By so much the clocks of replicas may differ.
  private static let clockSkewSeconds: Int64 = 300

  let catalog: CatalogCache
  let stores: CatalogStores
  let signer: VirtualKey.Signer
  let authenticator: Authenticator

  func add(to router: inout Router) {
    router.api(.post, "/api/v1/virtual-keys", make)
    router.api(.delete, "/api/v1/virtual-keys/{id}") { request in
      let caller = try authenticator.caller(of: request)
      let id = try PathParameter.id(request, KeyID.self)
      // An id says when it was made; a key of that time has expired after the longest life.
      let made = Timestamp(unixMicroseconds: Int64(clamping: id.uuid.unixMilliseconds).multipliedClamped(by: 1000))
      let now = WallClock.now()
      guard made <= now + .seconds(KeyRoutes.clockSkewSeconds) else { throw Problem.notFound("key") }
      let expiry = made + .seconds(VirtualKey.secondsMax + KeyRoutes.clockSkewSeconds)
      guard expiry > now else { return HTTPResponse(.noContent) }
      try await stores.revoked.revoke(caller.tenant, id.uuid, until: expiry)
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func make(_ request: HTTPRequest) async throws -> HTTPResponse {
    let caller = try authenticator.caller(of: request)
    var fields = JSONFields(try await request.json().root)
    let seconds = fields.int("ttl_seconds", in: 1...VirtualKey.secondsMax) ?? 3600
    var key = VirtualKey(
      id: .make(), tenant: caller.tenant, expiresAt: WallClock.now().unixMicroseconds / 1_000_000 + seconds)
    func name(_ member: String) -> String? {
      fields.string(member, bytesMax: KeyRoutes.nameBytesMax).map(CallLabels.plain)
    }
    key.project = name("project")
    key.run = name("run")
    key.step = name("step")
    key.agent = name("agent")
    key.tool = name("tool")
    key.models = fields.strings("models", countMax: 50, bytesMax: KeyRoutes.nameBytesMax)
    if key.models?.contains("") ?? false { fields.note("models", .notAllowed, "names of models, aliases or tiers") }
    key.tokens = fields.int("tokens", in: 0...9_000_000_000_000_000)
    key.nanoUSD = fields.double("usd", in: 0...9_000_000).map { Int64(saturating: $0 * 1e9) }
    try fields.finish()
    let text = signer.sign(key)
    return .json(.created) { writer in
      writer.member("id", key.id.description)
      // Only this answer has it: it is stored nowhere.
      writer.member("key", text)
      writer.member("expires_at", Timestamp(unixMicroseconds: key.expiresAt * 1_000_000).description)
    }
  }
}
