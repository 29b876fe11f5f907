package import Contracts
internal import HTTPWire
internal import JSON

/// What the document says of an address besides its declaration: name, query items, bodies, answers, problems.
package struct Operation: Sendable {
  /// A query item or a header field.
  package struct Parameter: Sendable {
    let name: String
    let schema: Schema
    let about: String
    var isRequired = false
    /// A query item that may come several times.
    var isRepeated = false
  }

  /// The body of a request.
  package struct Body: Sendable {
    let schema: Schema
    var mediaType = "application/json"
    var isRequired = true
    var example: JSONValue?
  }

  /// An answer that is no problem.
  package struct Answer: Sendable {
    let status: HTTPStatus
    let about: String
    /// What it holds, by media type; empty for no content.
    var content: [(mediaType: String, schema: Schema)] = []
    /// Names of the document's header components.
    var headers: [String] = []
  }

  /// The name of the operation, for generated clients.
  package let name: String
  /// The chapter of the reference.
  package let tag: String
  /// More than the line of the declaration.
  package private(set) var about: String?
  package private(set) var query: [Parameter] = []
  package private(set) var headers: [Parameter] = []
  package private(set) var body: Body?
  package private(set) var answers: [Answer] = []
  /// Codes of problems that this operation has besides those that all have.
  package private(set) var codes: [ProblemCode] = []
  /// Whether every query item is allowed: for addresses that only pass them on.
  package private(set) var isQueryOpen = false

  init(_ name: String, _ tag: String, _ about: String? = nil) {
    self.name = name
    self.tag = tag
    self.about = about
  }

  private func with(_ change: (inout Operation) -> Void) -> Operation {
    var operation = self
    change(&operation)
    return operation
  }
}

// MARK: Making

extension Operation {
  func item(_ name: String, _ schema: Schema, _ about: String, isRequired: Bool = false, isRepeated: Bool = false)
    -> Operation
  {
    with {
      $0.query.append(
        Parameter(name: name, schema: schema, about: about, isRequired: isRequired, isRepeated: isRepeated))
    }
  }

  func header(_ name: String, _ schema: Schema, _ about: String) -> Operation {
    with { $0.headers.append(Parameter(name: name, schema: schema, about: about)) }
  }

  /// `limit` and the place of the page.
  func paged(_ standard: Int64, _ max: Int64, cursor: Schema = .text(200)) -> Operation {
    item("limit", .int(1...max).standard(.int(standard)), "Entries of a page.")
      .item("cursor", cursor, "`next_cursor` of the page before.")
  }

  func sends(_ schema: String, _ example: String? = nil, isRequired: Bool = true) -> Operation {
    with {
      $0.body = Body(
        schema: .ref(schema), isRequired: isRequired, example: example.flatMap { Schema.json($0) })
    }
  }

  func sends(bytes about: String) -> Operation {
    with {
      $0.body = Body(
        schema: Schema.text().about(about), mediaType: "application/octet-stream", isRequired: false)
    }
  }

  func answers(_ status: HTTPStatus, _ schema: String, _ about: String = "As asked for.", headers: [String] = [])
    -> Operation
  {
    answers(status, .ref(schema), about, headers: headers)
  }

  func answers(_ status: HTTPStatus, _ schema: Schema, _ about: String = "As asked for.", headers: [String] = [])
    -> Operation
  {
    with {
      $0.answers.append(
        Answer(status: status, about: about, content: [("application/json", schema)], headers: headers))
    }
  }

  func answers(
    _ status: HTTPStatus, types: [(mediaType: String, schema: Schema)], _ about: String, headers: [String] = []
  ) -> Operation {
    with { $0.answers.append(Answer(status: status, about: about, content: types, headers: headers)) }
  }

  func answersNothing(_ about: String = "Done.", _ status: HTTPStatus = .noContent, headers: [String] = [])
    -> Operation
  {
    with { $0.answers.append(Answer(status: status, about: about, headers: headers)) }
  }

  /// `If-Match`: the change is made only when nobody has made another one.
  var guarded: Operation {
    header("If-Match", .text(), "The `ETag` of an earlier answer: the change is refused when it is not the newest.")
      .fails(.outdated)
  }

  func fails(_ codes: ProblemCode...) -> Operation { with { $0.codes += codes } }

  var takesAnyQuery: Operation { with { $0.isQueryOpen = true } }
}
