internal import Contracts
internal import HTTPWire
internal import JSON

/// Answers that are problems, by status, with the codes of the catalogue.
enum ProblemAnswers {
  static let limitHeaders = ["RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"]

  /// Statuses of codes that people outside meet; the worker protocol and the scripted provider are not theirs.
  private static let byStatus: [Int: [String]] = {
    var found: [Int: [String]] = [:]
    for code in ProblemCatalog.codes {
      for status in code.statuses { found[Int(status.code), default: []].append(code.name) }
    }
    return found.mapValues { Array(Set($0)).sorted() }
  }()

  static let schemas: [(String, Schema)] = [
    (
      "Problem",
      Schema.object(
        [
          need("type", .text(), "`urn:cadre:problem:` and the code."), need("title", .text()), need("status", .int()),
          need("code", .text(), "Stable: programs decide by it."), need("detail", .text(), "For a person."),
          may("trace_id", .text()), may("errors", .list(.ref("FieldFault"), 20)),
        ], isOpen: true
      ).example(
        #"{"type": "urn:cadre:problem:run_ended", "title": "Conflict", "status": 409, "code": "run_ended", "detail": "The run has ended; nothing more happens to it."}"#
      )
    ),
    (
      "FieldFault",
      .object([
        need("pointer", .text(), "RFC 6901, `?name` for a query item, or the name of a header."), need("code", .text()),
        need("detail", .text()),
      ])
    ),
  ]

  static var components: JSONValue {
    let statuses = byStatus.keys.sorted()
    return .members(
      statuses.map { ("Problem\($0)", .object(answer($0))) } + [
        (
          "ModelError",
          .members([
            ("description", .string("In the shape of OpenAI or of Anthropic.")),
            (
              "content",
              .members([
                (
                  "application/json",
                  .members([("schema", Schema.oneOf([.ref("OpenAIError"), .ref("AnthropicError")]).value)])
                )
              ])
            ),
          ])
        )
      ])
  }

  static func reason(_ status: Int) -> String {
    "\(HTTPStatus(code: status).reason)"
  }

  /// The answer of a status.
  static func answer(_ status: Int) -> [JSONValue.Member] {
    let codes = byStatus[status] ?? []
    let schema =
      codes.isEmpty
      ? Schema.ref("Problem")
      : .allOf([
        .ref("Problem"),
        .object([need("status", Schema([.init("const", .int(Int64(status)))])), need("code", .words(codes))]),
      ])
    var members: [JSONValue.Member] = [.init("description", .string(reason(status)))]
    if status == 429 || status == 503 {
      members.append(
        .init("headers", .members([("Retry-After", .members([("$ref", .string("#/components/headers/Retry-After"))]))]))
      )
    }
    members.append(
      .init("content", .members([("application/problem+json", .members([("schema", schema.value)]))])))
    return members
  }
}
