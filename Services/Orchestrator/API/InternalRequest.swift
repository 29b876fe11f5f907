internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Postgres
internal import Primitives
internal import Reactor
internal import ServiceKit
internal import Workflows

extension Caller {
  /// The caller of a request to the API. Throws a 401 or 403 `Problem`.
  init(_ request: HTTPRequest, _ token: InternalToken) throws(Problem) {
    self = try token.authenticate(request, scope: .api)
  }
}

extension Problem {
  /// The database is away or overloaded: nothing was promised, try again.
  static func unavailable(_ error: PostgresError) -> Problem {
    Problem(
      .serviceUnavailable, code: "storage_unavailable",
      error.outcomeUnknown
        ? "The database did not confirm the request; repeat it with the same Idempotency-Key to be sure."
        : "The database cannot be reached at the moment; nothing was changed. Try again shortly.",
      retryAfterSeconds: 1)
  }
}

extension Problem {
  /// Somebody changed it since it was read.
  static func outdated() -> Problem {
    Problem(
      .preconditionFailed, code: "outdated", "It was changed since you read it; read it again and repeat the change.")
  }
}

/// Runs a handler and turns the failures that every handler of this service can meet into problems.
func answering(_ body: () async throws -> HTTPResponse) async throws -> HTTPResponse {
  do {
    return try await body()
  } catch let error as PostgresError {
    if error.isTransient { throw Problem.unavailable(error) }
    throw error
  } catch let error as ReactorError where error.code == .overloaded {
    throw Problem(
      .serviceUnavailable, code: "overloaded", "Too many requests are waiting; try again shortly.", retryAfterSeconds: 1
    )
  } catch let refused as RunEngine.Refused {
    throw Problem(refused)
  }
}

extension Problem {
  /// What a refused transition means for its caller.
  init(_ refused: RunEngine.Refused) {
    switch refused {
    case .byDecider(.unknownSignal):
      self.init(
        .unprocessableContent, code: "unknown_signal", "No step of the run's workflow waits for a signal of this name.")
    case .byDecider(.tooManySignals):
      self.init(
        .tooManyRequests, code: "too_many_signals", "Too many signals wait for being used by the run; try again later.",
        retryAfterSeconds: 5)
    case .byDecider(.subjectDiffers):
      self.init(
        .conflict, code: "subject_differs",
        "What is to be approved has changed; read the approval again and decide on its subject_sha256.")
    case .byDecider(.alreadyPaused): self.init(.conflict, code: "already_paused", "The run is paused already.")
    case .byDecider(.notPaused): self.init(.conflict, code: "not_paused", "The run is not paused.")
    case .unreadable(let reason):
      self.init(.internalServerError, code: "unreadable_history", "The history of the run cannot be read: \(reason).")
    case .byStore(let error): self = .unavailable(error)
    case .unknownRun: self = .notFound("run")
    case .workflowGone:
      self.init(
        .conflict, code: "workflow_gone",
        "The document of the run's workflow is not there any more; the run can only be cancelled.")
    case .byDecider(.runEnded):
      self.init(.conflict, code: "run_ended", "The run has ended; nothing more happens to it.")
    case .byDecider(let reason):
      self.init(.conflict, code: "stale", "The request does not fit the state of the run (\(reason.rawValue)).")
    case .leaseLost:
      self.init(.conflict, code: "lease_lost", "The lease has ended or belongs to another worker; drop the attempt.")
    case .contended:
      self.init(
        .serviceUnavailable, code: "contended", "The run changes too quickly at the moment; try again.",
        retryAfterSeconds: 1)
    }
  }
}

/// Parameters that several routes read.
enum Parameter {
  /// `limit` of a list.
  static func limit(_ query: QueryItems, standard: Int, max: Int) throws(Problem) -> Int {
    guard let text = query["limit"] else { return standard }
    guard let limit = Int(text), (1...max).contains(limit) else {
      throw .badParameter("?limit", "A whole number from 1 to \(max) is expected.")
    }
    return limit
  }

  /// Seconds of `Prefer: wait=N` (RFC 7240), at most 60; nil without.
  static func waitSeconds(_ request: HTTPRequest) throws(Problem) -> Int? {
    for value in request.headers.values(of: "prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let pair = part.filter { $0 != " " }.lowercased().split(separator: "=")
        guard pair.first == "wait" else { continue }
        guard pair.count == 2, let seconds = Int(pair[1]), (0...600).contains(seconds) else {
          throw .badParameter("Prefer", "wait=N with N from 0 to 600 seconds is expected.")
        }
        return min(seconds, 60)
      }
    }
    return nil
  }

  /// Where a page of a list begins: `next_cursor` of the page before.
  static func cursor<Kind: IdentifiedKind>(_ query: QueryItems, _ kind: ID<Kind>.Type) throws(Problem) -> ID<Kind>? {
    try id(query, "cursor", kind, "Use next_cursor of an earlier answer.")
  }

  /// An id in the query.
  static func id<Kind: IdentifiedKind>(
    _ query: QueryItems, _ name: String, _ kind: ID<Kind>.Type, _ hint: String = "An id is expected."
  ) throws(Problem) -> ID<Kind>? {
    guard let text = query[name] else { return nil }
    guard let id = ID<Kind>(text) else { throw .badParameter("?\(name)", hint) }
    return id
  }

  /// What a list is restricted to.
  static func filter(_ query: QueryItems) throws(Problem) -> RunFilter {
    var filter = RunFilter()
    filter.project = try id(query, "project_id", ProjectID.self)
    filter.task = try id(query, "task_id", TaskID.self)
    filter.workflow = query["workflow"]
    filter.label = query["label"]
    if let status = query["status"] {
      let known = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
      guard known.contains(status) else {
        throw .badParameter("?status", "One of \(known.joined(separator: ", ")) is expected.")
      }
      filter.status = status
    }
    if let archived = query["archived"] {
      guard let isToo = ["true": true, "false": false][archived] else {
        throw .badParameter("?archived", "true or false is expected.")
      }
      filter.isArchivedToo = isToo
    }
    return filter
  }

  /// The version that `If-Match` demands; nil without the header or with `*`.
  static func ifMatch(_ request: HTTPRequest) throws(Problem) -> Int? {
    guard let text = request.headers["if-match"], text != "*" else { return nil }
    guard text.hasPrefix("\""), text.hasSuffix("\""), let version = Int(text.dropFirst().dropLast()), version > 0 else {
      throw .badParameter("If-Match", "The ETag of an earlier answer is expected.")
    }
    return version
  }

  /// An id in the path; a malformed one names nothing.
  static func id<Kind: IdentifiedKind>(_ request: HTTPRequest, _ kind: ID<Kind>.Type) throws(Problem) -> ID<Kind> {
    guard let id = ID<Kind>(try request.parameter("id")) else { throw .notFound(Kind.prefix) }
    return id
  }
}

extension HTTPResponse {
  /// Bytes after which a page of a list ends, although it has fewer rows than were asked for.
  private static let pageBytesMax = 4 << 20

  /// A page of a list. `rows` holds one row more than `limit` when there is another page; `cut` is where that begins
  /// when rows that do not fit were in the way.
  static func page<Row>(
    _ name: String, _ rows: [Row], limit: Int, cut: String? = nil, cursor: (Row) -> String,
    _ write: (Row, inout JSONWriter) -> Void
  ) -> HTTPResponse {
    .json { writer in
      writer.key(name)
      writer.beginArray()
      var written = 0
      for row in rows.prefix(limit) {
        if written > 0, writer.bytes.count > pageBytesMax { break }
        writer.beginObject()
        write(row, &writer)
        writer.endObject()
        written += 1
      }
      writer.endArray()
      let isMore = written > 0 && written < rows.count
      writer.member("next_cursor", orNull: isMore ? cursor(rows[written - 1]) : cut)
    }
  }
}

extension JSONLimits {
  /// Bodies from outside. What is stored of them is read again within other documents, so that it must not be nested as
  /// deeply as these may be.
  static let submitted = JSONLimits(depthMax: Template.renderedDepthMax + 1)
}
