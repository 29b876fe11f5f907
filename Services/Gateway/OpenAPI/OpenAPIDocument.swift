package import Contracts
internal import HTTPWire
package import JSON

/// The description of the API (OpenAPI 3.1), made of the declarations of addresses and of what `OperationTable` says of
/// them.
package struct OpenAPIDocument: Sendable {
  private let version: String
  private let routes: [RouteSpecification]

  /// A document of an installation of this version.
  package init(version: String, routes: [RouteSpecification] = OperationTable.routes) {
    self.version = version
    self.routes = routes
  }

  /// The document as JSON.
  package var value: JSONValue {
    .members([
      ("openapi", .string("3.1.0")), ("info", info),
      ("servers", .array([.members([("url", .string("/"))])])),
      ("tags", .array(tags.map { .members([("name", .string($0))]) })),
      ("paths", paths), ("components", components),
    ])
  }

  /// The bytes of the document.
  package var bytes: [UInt8] {
    var writer = JSONWriter(reservingBytes: 512 << 10)
    value.write(to: &writer)
    return writer.bytes
  }

  private var info: JSONValue {
    .members([
      ("title", .string("Cadre")), ("version", .string(version)),
      (
        "summary", .string("Runs teams of AI agents: tasks, workflows, approvals, models, budgets.")
      ),
      (
        "description",
        .string(
          """
          Every request shows a credential. Lists page by `limit` and a cursor: `next_cursor` of an answer is the `cursor` \
          of the next request, `null` behind the last page. Errors are problem documents (RFC 9457) with a stable `code`; \
          those of `/v1` have the shape of OpenAI or Anthropic. A query item that an address does not know is refused. \
          Times are RFC 3339 in UTC. Members may be added to answers.
          """)
      ),
      ("license", .members([("name", .string("See the file LICENSE of the product."))])),
    ])
  }

  /// The chapters in their order.
  package var tags: [String] {
    var seen: Set<String> = []
    return routes.map { OperationTable.operation(of: $0).tag }.filter { seen.insert($0).inserted }
  }

  private var paths: JSONValue {
    var order: [String] = []
    var methods: [String: [JSONValue.Member]] = [:]
    for route in routes {
      let path = DocumentedPath.text(route.pattern)
      if methods[path] == nil { order.append(path) }
      methods[path, default: []].append(.init("\(route.method)".lowercased(), OperationDocument(route).value))
    }
    return .object(order.map { .init($0, .object(methods[$0] ?? [])) })
  }

  // MARK: Components

  private var components: JSONValue {
    .members([
      ("securitySchemes", securitySchemes), ("schemas", schemas), ("responses", ProblemAnswers.components),
      ("headers", headers), ("parameters", parameters),
    ])
  }

  private var schemas: JSONValue {
    .object(
      (RunSchemas.all + WorkspaceSchemas.all + ModelSchemas.all + AccountSchemas.all + PolicySchemas.all
        + ProblemAnswers.schemas).map {
          .init($0.0, $0.1.value)
        })
  }

  private var securitySchemes: JSONValue {
    .members([
      (
        "bearer",
        .members([
          ("type", .string("http")), ("scheme", .string("bearer")),
          ("description", .string("An API key, a token of an identity provider, or, for models, a virtual key.")),
        ])
      ),
      (
        "apiKey",
        .members([
          ("type", .string("apiKey")), ("in", .string("header")), ("name", .string("X-API-Key")),
          ("description", .string("An API key or, for models, a virtual key.")),
        ])
      ),
      (
        "session",
        .members([
          ("type", .string("apiKey")), ("in", .string("cookie")), ("name", .string("cadre_session")),
          ("description", .string("A browser that has signed in. Changes also need its CSRF token.")),
        ])
      ),
    ])
  }

  private var headers: JSONValue {
    func header(_ schema: Schema, _ about: String) -> JSONValue {
      .members([("description", .string(about)), ("schema", schema.value)])
    }
    return .members([
      ("ETag", header(.text(), "The version of what is described, for `If-Match`.")),
      ("Location", header(.text(), "The address of what was made.")),
      ("Preference-Applied", header(.text(), "The preference that was honoured.")),
      ("Content-Disposition", header(.text(), "The name of the file.")),
      ("Retry-After", header(.text(pattern: "^[0-9]+$"), "Seconds after which a repetition makes sense.")),
      ("RateLimit-Limit", header(.text(), "Requests of the limit that is nearest to its end.")),
      ("RateLimit-Remaining", header(.text(), "What is left of it.")),
      ("RateLimit-Reset", header(.text(), "Seconds until it is whole again.")),
    ])
  }

  private var parameters: JSONValue {
    .members([
      (
        "Idempotency-Key",
        .members([
          ("name", .string("Idempotency-Key")), ("in", .string("header")),
          (
            "description",
            .string(
              "The same key with the same request has the answer of the first one; with another request it is refused.")
          ),
          ("schema", Schema.text(255, min: 1).value),
        ])
      )
    ])
  }
}

extension JSONValue {
  /// An object of these members.
  static func members(_ members: [(String, JSONValue)]) -> JSONValue { .object(members.map { Member($0.0, $0.1) }) }
}
