internal import Contracts
internal import HTTPWire
internal import JSON

/// One operation of the document.
struct OperationDocument {
  private let route: RouteSpecification
  private let operation: Operation

  init(_ route: RouteSpecification) {
    self.route = route
    operation = OperationTable.operation(of: route)
  }

  var value: JSONValue {
    var members: [(String, JSONValue)] = [
      ("operationId", .string(operation.name)), ("tags", .array([.string(operation.tag)])),
      ("summary", .string(route.summary)),
    ]
    if let about = operation.about { members.append(("description", .string(about))) }
    members.append(("security", security))
    let parameters = parameters
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    if let body = operation.body { members.append(("requestBody", request(body))) }
    members.append(("responses", responses))
    return .members(members)
  }

  private var security: JSONValue {
    let schemes: [String] =
      switch route.access {
      case .anonymous: []
      case .models: ["bearer", "apiKey"]
      default: ["bearer", "apiKey", "session"]
      }
    return .array(schemes.map { .members([($0, .array([]))]) })
  }

  // MARK: Requests

  private var parameters: [JSONValue] {
    var all = DocumentedPath.parameters(route.pattern).map { name, schema in
      JSONValue.members([
        ("name", .string(name)), ("in", .string("path")), ("required", .bool(true)), ("schema", schema.value),
      ])
    }
    all += operation.query.map { parameter($0, in: "query") }
    all += operation.headers.map { parameter($0, in: "header") }
    if takesKey { all.append(.members([("$ref", .string("#/components/parameters/Idempotency-Key"))])) }
    return all
  }

  /// Changes by POST can be repeated under a key. Calls of models are never made twice.
  private var takesKey: Bool { route.method == .post && !route.isModelRoute && route.access != .anonymous }

  private func parameter(_ parameter: Operation.Parameter, in place: String) -> JSONValue {
    let schema = parameter.isRepeated ? Schema.list(parameter.schema) : parameter.schema
    return .members([
      ("name", .string(parameter.name)), ("in", .string(place)), ("description", .string(parameter.about)),
      ("required", .bool(parameter.isRequired)), ("schema", schema.value),
    ])
  }

  private func request(_ body: Operation.Body) -> JSONValue {
    var content: [(String, JSONValue)] = [("schema", body.schema.value)]
    if let example = body.example { content.append(("example", example)) }
    return .members([
      ("required", .bool(body.isRequired)), ("content", .members([(body.mediaType, .members(content))])),
    ])
  }

  // MARK: Answers

  private var responses: JSONValue {
    var all = operation.answers.map { (String($0.status.code), answer($0)) }
    if all.isEmpty { all.append(("2XX", .members([("description", .string("As asked for."))]))) }
    let codes = Dictionary(grouping: operation.codes.flatMap { code in code.statuses.map { ($0.code, code) } }) { $0.0 }
    let named = codes.mapValues { $0.map { $0.1.name } }
    for status in problems(Set(codes.keys.map { Int($0) })) {
      all.append((String(status), problem(status, named[UInt16(clamping: status)] ?? [])))
    }
    return .members(all)
  }

  private func answer(_ answer: Operation.Answer) -> JSONValue {
    var members: [(String, JSONValue)] = [("description", .string(answer.about))]
    let headers = answer.headers + (route.access == .anonymous ? [] : ProblemAnswers.limitHeaders)
    if !headers.isEmpty {
      members.append(
        ("headers", .members(headers.map { ($0, .members([("$ref", .string("#/components/headers/\($0)"))])) })))
    }
    if !answer.content.isEmpty {
      members.append(
        ("content", .members(answer.content.map { ($0.mediaType, .members([("schema", $0.schema.value)])) })))
    }
    return .members(members)
  }

  /// The statuses of problems: those that every such address has, and those of its codes.
  private func problems(_ own: Set<Int>) -> [Int] {
    var statuses: Set<Int> = own.union([400, 429, 500, 503])
    if route.access != .anonymous { statuses.formUnion([401, 403]) }
    if route.service != .gateway { statuses.formUnion([502, 504]) }
    if route.pattern.contains("{") { statuses.insert(404) }
    if route.method == .post || operation.body != nil { statuses.formUnion([408, 413, 415, 422]) }
    if takesKey { statuses.insert(409) }
    if route.isModelRoute { statuses.formUnion([402, 404, 413, 422, 529]) }
    return statuses.sorted()
  }

  /// A problem; where the address has codes of its own for the status, the sentence names them.
  private func problem(_ status: Int, _ codes: [String]) -> JSONValue {
    let reference = "#/components/responses/\(route.isModelRoute ? "ModelError" : "Problem\(status)")"
    guard !codes.isEmpty, !route.isModelRoute else { return .members([("$ref", .string(reference))]) }
    var value = ProblemAnswers.answer(status)
    let names = codes.map { "`\($0)`" }.joined(separator: ", ")
    value[0] = .init("description", .string("\(ProblemAnswers.reason(status)): \(names)."))
    return .object(value)
  }
}
