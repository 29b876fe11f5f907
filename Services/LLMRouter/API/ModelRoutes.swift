internal import APIKit
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Pricing
internal import Primitives
internal import Routing
internal import ServiceKit
internal import SystemSources

/// `/api/v1/providers/{provider}/models/{model}` and `/api/v1/models`: what can be asked for. Changes are for
/// operators.
struct ModelRoutes: Sendable {
  let catalog: CatalogCache
  let stores: CatalogStores
  let authenticator: Authenticator

  func add(to router: inout Router) {
    let path = "/api/v1/providers/{provider}/models/{model}"
    router.api(.get, "/api/v1/models", list)
    router.api(.get, path) { request in
      try authenticator.requireOperator(request)
      return try await show(try request.parameter("provider"), try request.parameter("model"), .ok)
    }
    router.api(.put, path, put)
    router.api(.delete, path) { request in
      try authenticator.requireOperator(request)
      guard try await stores.models.remove(try request.parameter("provider"), try request.parameter("model")) else {
        throw Problem.notFound("model")
      }
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    _ = try authenticator.caller(of: request)
    let query = try request.query()
    let provider = query["provider"]
    let tier = try QueryParameter.word(query, "tier", allowed: Tier.allCases.map(\.rawValue))
    func isWanted(_ target: ModelTarget) -> Bool {
      guard provider.map({ $0 == target.provider }) ?? true else { return false }
      guard let tier else { return true }
      let kind = catalog.current.providers[target.provider]?.kind
      return catalog.configuration.completed(target, kind).tier?.rawValue == tier
    }
    let rows = try await stores.models.all().filter { isWanted($0.target) }
    let declared = catalog.configuration.declared(besides: try await stores.providers.all())
      .flatMap(\.models).filter(isWanted)
    return .json { writer in
      writer.key("models")
      writer.beginArray()
      writer.appendObjects(rows) { write($0.target, $0, &$1) }
      writer.appendObjects(declared) { write($0, nil, &$1) }
      writer.endArray()
    }
  }

  private func show(_ provider: String, _ name: String, _ status: HTTPStatus) async throws -> HTTPResponse {
    guard let row = try await stores.models.find(provider, name) else { throw Problem.notFound("model") }
    var response = HTTPResponse.json(status) { write(row.target, row, &$0) }
    response.setVersion(row.version)
    return response
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    try authenticator.requireOperator(request)
    let provider = try PathParameter.name(request, "provider", bytesMax: 100)
    let name = try PathParameter.name(request, "model", bytesMax: 200)
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    guard try await stores.providers.find(provider) != nil else { throw Problem.notFound("provider") }
    var fields = JSONFields(try await request.json().root)
    let tierText = fields.string("tier", bytesMax: 20)
    let tier = tierText.flatMap { Tier(rawValue: $0) }
    if tierText != nil, tier == nil { fields.note("tier", .notAllowed, "small, medium or large") }
    let names = fields.strings("capabilities", countMax: 16, bytesMax: 40)
    let capabilities = names.map { Set($0.compactMap { Capability(rawValue: $0) }) }
    if let names, let capabilities, capabilities.count < Set(names).count {
      fields.note(
        "capabilities", .notAllowed, "some of \(Capability.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let (price, day) = prices(&fields)
    let row = ModelRow(
      target: ModelTarget(
        provider: provider, name: name, providerModel: fields.string("provider_model", bytesMax: 200) ?? name,
        tier: tier, capabilities: capabilities,
        contextTokens: fields.int("context_tokens", in: 1...TokenUsage.tokensMax),
        outputTokensMax: fields.int("output_tokens_max", in: 1...TokenUsage.tokensMax), price: price), priceAsOf: day,
      isEnabled: fields.bool("enabled") ?? true, version: 0, createdAt: WallClock.now(), updatedAt: WallClock.now(),
      priority: fields.int("priority", in: 0...1000).map { Int($0) },
      weight: fields.int("weight", in: 0...1000).map { Int($0) })
    try fields.finish()
    guard let isNew = try await stores.models.put(row, expected: expected) else {
      throw Problem.notStored(expected, "models")
    }
    try await catalog.changed()
    return try await show(provider, name, isNew ? .created : .ok)
  }

  /// `price`: US dollars per million tokens. Both of `input` and `output`, or none.
  private func prices(_ fields: inout JSONFields) -> (Price?, String?) {
    var price: Price?
    var day: String?
    _ = fields.object("price") { (inner: inout JSONFields) -> Bool in
      func micro(_ name: String, required: Bool = false) -> Int64? {
        inner.double(name, isRequired: required, in: 0...100_000).map { Int64(saturating: $0 * 1_000_000) }
      }
      let (input, output) = (micro("input", required: true), micro("output", required: true))
      let (read, write) = (micro("cache_read"), micro("cache_write"))
      let long = micro("cache_write_1h")
      day = inner.string("as_of", bytesMax: 10)
      if let text = day, Timestamp(rfc3339: "\(text)T00:00:00Z") == nil {
        inner.note("as_of", .notAllowed, "a day as YYYY-MM-DD")
      }
      if let input, let output {
        price = Price(input: input, output: output, cacheRead: read, cacheWrite: write, cacheWriteLong: long)
      }
      return true
    }
    return (price, day)
  }

  private func write(_ declared: ModelTarget, _ row: ModelRow?, _ writer: inout JSONWriter) {
    let target = catalog.configuration.completed(declared, catalog.current.providers[declared.provider]?.kind)
    writer.member("name", target.name)
    writer.member("provider", target.provider)
    writer.member("provider_model", target.providerModel)
    writer.member("tier", orNull: target.tier?.rawValue)
    if let capabilities = target.capabilities {
      writer.member("capabilities", capabilities.map(\.rawValue).sorted())
    }
    writer.member("context_tokens", ifPresent: target.contextTokens)
    writer.member("output_tokens_max", ifPresent: target.outputTokensMax)
    writer.member("priority", Int64(target.priority))
    writer.member("weight", Int64(target.weight))
    writer.member("enabled", row?.isEnabled ?? true)
    writer.member("source", row == nil ? "configuration" : "api")
    writer.member("price_known", target.price != nil)
    writer.member("price_source", declared.price != nil ? "declared" : target.price != nil ? "table" : "unknown")
    if let price = target.price {
      writer.key("price")
      writer.beginObject()
      for (name, value) in [
        ("input", price.input), ("output", price.output), ("cache_read", price.cacheRead),
        ("cache_write", price.cacheWrite), ("cache_write_1h", price.cacheWriteLong),
      ] as [(String, Int64?)] {
        if let value { writer.member(name, Double(value) / 1_000_000) }
      }
      if let long = target.price?.longPrompt {
        writer.key("long_prompt")
        writer.beginObject()
        writer.member("above_tokens", long.above)
        writer.member("input", Double(long.input) / 1_000_000)
        writer.member("output", Double(long.output) / 1_000_000)
        if let read = long.cacheRead { writer.member("cache_read", Double(read) / 1_000_000) }
        writer.endObject()
      }
      writer.member("as_of", ifPresent: declared.price == nil ? catalog.configuration.prices.asOf : row?.priceAsOf)
      writer.endObject()
    }
    if let row {
      writer.member("version", Int64(row.version))
      writer.member("created_at", row.createdAt.description)
      writer.member("updated_at", row.updatedAt.description)
    }
  }
}
