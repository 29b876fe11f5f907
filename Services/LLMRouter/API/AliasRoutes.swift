internal import APIKit
internal import Checks
internal import Contracts
internal import HTTP
internal import HTTPWire
internal import JSON
internal import ModelCalls
internal import ModelCatalog
internal import Routing
internal import ServiceKit

/// `/api/v1/aliases/{alias}`: names that stand for models, with strategy and fallbacks. Changes are for operators.
struct AliasRoutes: Sendable {
  private static let modelsMax = 32

  let catalog: CatalogCache
  let stores: CatalogStores
  let authenticator: Authenticator

  func add(to router: inout Router) {
    router.api(.get, "/api/v1/aliases") { request in
      _ = try authenticator.caller(of: request)
      let rows = try await stores.aliases.all()
      return .json { writer in
        writer.objects("aliases", rows) { write($0.name, $0.rule, $0.check, $0.version, &$1) }
      }
    }
    router.api(.get, "/api/v1/aliases/{alias}") { request in
      _ = try authenticator.caller(of: request)
      let name = try request.parameter("alias")
      guard let row = try await stores.aliases.all().first(where: { $0.name == name }) else {
        throw Problem.notFound("alias")
      }
      var response = HTTPResponse.json { write(row.name, row.rule, row.check, row.version, &$0) }
      response.setVersion(row.version)
      return response
    }
    router.api(.put, "/api/v1/aliases/{alias}", put)
    router.api(.delete, "/api/v1/aliases/{alias}") { request in
      try authenticator.requireOperator(request)
      guard try await stores.aliases.remove(try request.parameter("alias")) else { throw Problem.notFound("alias") }
      try await catalog.changed()
      return HTTPResponse(.noContent)
    }
  }

  private func put(_ request: HTTPRequest) async throws -> HTTPResponse {
    try authenticator.requireOperator(request)
    let name = try PathParameter.name(request, "alias", bytesMax: 200)
    let expected = try EntityTag.demanded(by: request, acceptsAny: false)
    var fields = JSONFields(try await request.json().root)
    let models = fields.strings("models", isRequired: true, countMax: AliasRoutes.modelsMax, bytesMax: 200) ?? []
    if models.isEmpty { fields.note("models", .notAllowed, "at least one model") }
    let strategyText = fields.string("strategy", bytesMax: 20) ?? Strategy.priority.rawValue
    let strategy = Strategy(rawValue: strategyText)
    if strategy == nil {
      fields.note("strategy", .notAllowed, "one of \(Strategy.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    func list(_ name: String) -> [String] {
      fields.strings(name, countMax: AliasRoutes.modelsMax, bytesMax: 200) ?? []
    }
    let rescueText = fields.string("rescue", bytesMax: 20)
    let rescue = rescueText.flatMap { Rescue(rawValue: $0) }
    if rescueText != nil, rescue == nil { fields.note("rescue", .notAllowed, "continue or buffer") }
    let rule = AliasRule(
      models: models, strategy: strategy ?? .priority, fallbacks: list("fallbacks"),
      contextFallbacks: list("context_fallbacks"), contentFallbacks: list("content_fallbacks"),
      hedgeMilliseconds: fields.int("hedge_after_ms", in: 1...600_000), escalation: list("escalation"),
      rescue: rescue)
    let check = check(&fields)
    if !rule.escalation.isEmpty, check == nil {
      fields.note("escalation", .notAllowed, "a check too: without it no answer is refused")
    }
    let known = Set(catalog.current.table.models)
    if known.contains(name) || name == "auto" || name == "default" || name.hasPrefix("tier:") {
      throw Problem(.nameTaken, "A model or a word of the router has this name.")
    }
    for model in rule.models + rule.fallbacks + rule.contextFallbacks + rule.contentFallbacks
      + rule.escalation
    where !known.contains(model) {
      fields.note("models", .notAllowed, "there is no model '\(model)'")
    }
    try fields.finish()
    guard let version = try await stores.aliases.put(name, rule, check: check, expected: expected) else {
      throw Problem.notStored(expected, "aliases")
    }
    try await catalog.changed()
    var response = HTTPResponse.json(version == 1 ? .created : .ok) { write(name, rule, check, version, &$0) }
    response.setVersion(version)
    return response
  }

  /// The check as JSON, after it was understood.
  private func check(_ fields: inout JSONFields) -> String? {
    guard let view = fields.value("check"), !view.isNull else { return nil }
    do throws(CheckFault) {
      _ = try AnswerCheck(view)
      return String(decoding: view.canonicalBytes(), as: UTF8.self)
    } catch {
      fields.note("check", .notAllowed, error.message)
      return nil
    }
  }

  private func write(
    _ name: String, _ rule: AliasRule, _ check: String?, _ version: Int, _ writer: inout JSONWriter
  ) {
    writer.member("name", name)
    writer.member("strategy", rule.strategy.rawValue)
    for (key, list) in [
      ("models", rule.models), ("fallbacks", rule.fallbacks), ("context_fallbacks", rule.contextFallbacks),
      ("content_fallbacks", rule.contentFallbacks),
    ] {
      writer.member(key, list)
    }
    if !rule.escalation.isEmpty { writer.member("escalation", rule.escalation) }
    writer.member("hedge_after_ms", ifPresent: rule.hedgeMilliseconds)
    writer.member("rescue", ifPresent: rule.rescue?.rawValue)
    if let check { writer.member("check", raw: check.utf8) }
    writer.member("version", Int64(version))
  }
}
