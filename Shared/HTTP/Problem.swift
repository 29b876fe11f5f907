public import Contracts
public import HTTPWire
public import JSON

/// A fault of one member of the input.
public struct FieldFault: Sendable, Hashable {
  /// RFC 6901 pointer to the member, or `?name` for a query item, or the name of a header.
  public let pointer: String
  /// Stable name of the fault, for example `required`.
  public let code: String
  /// A sentence that says what is allowed.
  public let detail: String

  /// Makes a fault.
  public init(pointer: String, code: String, detail: String) {
    self.pointer = pointer
    self.code = code
    self.detail = detail
  }
}

/// An error answer per RFC 9457 (`application/problem+json`). Thrown by handlers; the status is chosen where it is
/// made.
public struct Problem: Error, Sendable {
  /// The HTTP status.
  public let status: HTTPStatus
  /// Stable machine-readable name, for example `task_not_found`.
  public let code: String
  /// What happened and what to do, for a person. Never holds secrets or other tenants' data.
  public let detail: String
  /// The members at fault, at most 20.
  public var faults: [FieldFault]
  /// Further members of the document, for example the limit that was exceeded.
  public var extensions: [(name: String, value: JSONValue)]
  /// Seconds after which a retry makes sense; sent as `Retry-After`.
  public var retryAfterSeconds: Int?
  /// Further header fields, for example `Allow`.
  public var headers: HTTPHeaders

  /// Makes a problem.
  public init(
    _ status: HTTPStatus, code: String, _ detail: String, faults: [FieldFault] = [],
    extensions: [(name: String, value: JSONValue)] = [], retryAfterSeconds: Int? = nil,
    headers: HTTPHeaders = HTTPHeaders()
  ) {
    self.status = status
    self.code = code
    self.detail = detail
    self.faults = faults
    self.extensions = extensions
    self.retryAfterSeconds = retryAfterSeconds
    self.headers = headers
  }

  /// Makes a problem of the catalogue. Without a sentence of its own it has that of the code; a status must be one of
  /// those that the code comes with.
  public init(
    _ code: ProblemCode, _ detail: String? = nil, status: HTTPStatus? = nil, faults: [FieldFault] = [],
    extensions: [(name: String, value: JSONValue)] = [], retryAfterSeconds: Int? = nil,
    headers: HTTPHeaders = HTTPHeaders()
  ) {
    self.init(
      status ?? code.status, code: code.name, detail ?? code.detail, faults: faults, extensions: extensions,
      retryAfterSeconds: retryAfterSeconds, headers: headers)
  }

  /// The document, with the id of the trace under which the details are found.
  public func document(traceID: String?) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("type", "urn:cadre:problem:\(code)")
    writer.member("title", "\(status.reason)")
    writer.member("status", Int64(status.code))
    writer.member("code", code)
    writer.member("detail", detail)
    if let traceID { writer.member("trace_id", traceID) }
    if !faults.isEmpty {
      writer.key("errors")
      writer.beginArray()
      for fault in faults.prefix(20) {
        writer.beginObject()
        writer.member("pointer", fault.pointer)
        writer.member("code", fault.code)
        writer.member("detail", fault.detail)
        writer.endObject()
      }
      writer.endArray()
    }
    for (name, value) in extensions {
      writer.key(name)
      value.write(to: &writer)
    }
    writer.endObject()
    return writer.bytes
  }

  /// The answer.
  public func response(traceID: String?) -> HTTPResponse {
    var response = HTTPResponse(status, headers: headers, body: .bytes(document(traceID: traceID)))
    response.headers.set(.contentType, "application/problem+json")
    response.headers.set(.cacheControl, "no-store")
    if let retryAfterSeconds { response.headers.set(.retryAfter, String(retryAfterSeconds)) }
    return response
  }
}

extension Problem {
  /// 400 for input that is not JSON.
  public init(_ error: JSONError) {
    self.init(.malformedJSON, "The body is not valid JSON: \(error).")
  }

  /// 422 for JSON whose members are wrong.
  public init(_ error: JSONFieldsError) {
    self.init(
      .invalidInput,
      "The request has \(error.faults.count == 1 ? "a fault" : "\(error.faults.count) faults"); see \"errors\".",
      faults: error.faults.map {
        FieldFault(pointer: $0.pointer, code: "\($0.code.rawValue)", detail: $0.detail)
      })
  }

  /// 404, the same whether the thing never existed or belongs to another tenant.
  public static func notFound(_ what: String) -> Problem {
    Problem(ProblemCode.notFound(what), "There is no \(what) with this id.")
  }

  /// 400 for a header, path or query item at fault.
  public static func badParameter(_ name: String, _ detail: String) -> Problem {
    Problem(
      .invalidParameter, "A parameter of the request is not valid; see \"errors\".",
      faults: [FieldFault(pointer: name, code: "invalid", detail: detail)])
  }
}
