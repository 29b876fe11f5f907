internal import APIKit
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Primitives
internal import Routing
internal import ServiceKit

/// `/api/v1/providers/{provider}`: who answers calls of models. For operators.
struct ProviderRoutes: Sendable {
  let catalog: CatalogCache
  let stores: CatalogStores
  let health: HealthRegistry
  let prober: HealthProber
  let authenticator: Authenticator
  /// Times of providers without times of their own.
  let times: ProviderTimes

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/providers", list)
    router.api(.get, "/api/v1/providers/{provider}") { request in
      try authenticator.requireOperator(request)
      return try await show(try request.parameter("provider"), .ok)
    }
    router.api(.put, "/api/v1/providers/{provider}", put)
    router.api(.delete, "/api/v1/providers/{provider}") { request in
      try authenticator.requireOperator(request)
      guard try await stores.providers.remove(try request.parameter("provider")) else {
        throw Problem.notFound("provider")
      }
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func list(_ request: HTTPRequest) async throws -> HTTPResponse {
    try authenticator.requireOperator(request)
    let rows = try await stores.providers.all()
    let declared = catalog.configuration.declared(besides: rows).map(\.provider)
    return .json { writer in
      writer.key("providers")
      writer.beginArray()
      writer.appendObjects(rows) { write($0.record, $0, &$1) }
      writer.appendObjects(declared) { write($0, nil, &$1) }
      writer.endArray()
    }
  }

  private func show(_ name: String, _ status: HTTPStatus) async throws -> HTTPResponse {
    if let row = try await stores.providers.find(name) {
      var response = HTTPResponse.json(status) { write(row.record, row, &$0) }
      response.setVersion(row.version)
      return response
    }
    guard let record = catalog.configuration.declared.first(where: { $0.provider.name == name })?.provider else {
      throw Problem.notFound("provider")
    }
    return .json(status) { write(record, nil, &$0) }
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    try authenticator.requireOperator(request)
    let name = try PathParameter.name(request, "provider", bytesMax: 100)
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    var fields = JSONFields(try await request.json().root)
    let kindText = fields.string("kind", bytesMax: 20) ?? ProviderKind.compatible.rawValue
    let kind = ProviderKind(rawValue: kindText)
    if kind == nil {
      fields.note("kind", .notAllowed, "one of \(ProviderKind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let url = fields.string("base_url", bytesMax: 2048) ?? kind?.baseURL ?? ""
    if (try? HTTPURL(url)) == nil { fields.note("base_url", .notAllowed, "a URL with http or https") }
    var keys: [KeySource] = []
    for view in fields.array("keys", countMax: 32) ?? [] {
      if let key = KeySource(view) {
        keys.append(key)
      } else {
        fields.note(
          "keys", .notAllowed, "a list of {\"env\": NAME_API_KEY} or {\"file\": name}; keys themselves are never taken")
      }
    }
    let record = ProviderRecord(
      name: name, kind: kind ?? .compatible, baseURL: url, keys: keys, configuredKey: nil,
      priority: Int(fields.int("priority", in: 0...1000) ?? 0), weight: Int(fields.int("weight", in: 0...1000) ?? 1),
      times: ProviderTimes.Own(
        timeout: duration(&fields, "timeout_ms"), firstToken: duration(&fields, "first_token_ms"),
        stall: duration(&fields, "stall_ms")),
      isEnabled: fields.bool("enabled") ?? true)
    try fields.finish()
    guard let stored = try await stores.providers.put(record, expected: expected) else {
      throw Problem.notStored(expected, "providers")
    }
    try await catalog.changed()
    return try await show(name, stored.isNew ? .created : .ok)
  }

  private func duration(_ fields: inout JSONFields, _ name: String) -> Duration? {
    fields.int(name, in: 100...3_600_000).map { .milliseconds($0) }
  }

  private func write(_ record: ProviderRecord, _ row: ProviderRow?, _ writer: inout JSONWriter) {
    writer.member("name", record.name)
    writer.member("kind", record.kind.rawValue)
    writer.member("base_url", record.baseURL)
    writer.key("keys")
    writer.beginArray()
    for key in record.keys { key.write(to: &writer) }
    if record.configuredKey != nil { writer.string("configuration") }
    writer.endArray()
    writer.member("priority", Int64(record.priority))
    writer.member("weight", Int64(record.weight))
    let times = times.with(record.times)
    writer.member("timeout_ms", times.timeout.milliseconds)
    writer.member("first_token_ms", ifPresent: times.firstToken?.milliseconds)
    writer.member("stall_ms", ifPresent: times.stall?.milliseconds)
    writer.member("enabled", record.isEnabled)
    writer.member("source", row == nil ? "configuration" : "api")
    writer.member("missing_keys", Int64(catalog.current.providers[record.name]?.missingKeys ?? 0))
    if let result = prober.result(of: record.name) {
      writer.key("probe")
      writer.beginObject()
      writer.member("up", result.isUp)
      writer.member("at", result.at.description)
      writer.member("latency_us", result.microseconds)
      writer.member("fault", ifPresent: result.fault)
      writer.endObject()
    }
    writer.key("unhealthy")
    writer.beginArray()
    for (key, state) in health.unhealthy() where key.target.provider == record.name {
      writer.beginObject()
      writer.member("model", key.target.model)
      writer.member("key", Int64(key.key))
      writer.member("breaker", state == .open ? "open" : "half_open")
      writer.endObject()
    }
    writer.endArray()
    if let row {
      writer.member("version", Int64(row.version))
      writer.member("created_at", row.createdAt.description)
      writer.member("updated_at", row.updatedAt.description)
    }
  }
}
