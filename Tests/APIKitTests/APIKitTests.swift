import APIKit
import Contracts
import HTTP
import HTTPWire
import JSON
import Postgres
import Primitives
import Reactor
import Testing

@Suite struct EntityTagTests {
  private static func demanded(_ text: String?, acceptsAny: Bool = true) throws(Problem) -> Int? {
    var headers = HTTPHeaders()
    if let text { headers.append(.ifMatch, text) }
    return try EntityTag.demanded(by: headers, acceptsAny: acceptsAny)
  }

  @Test func `what is sent as ETag is understood as If-Match`() throws {
    var response = HTTPResponse(.ok)
    response.setVersion(7)
    #expect(response.headers[.eTag] == "\"7\"")
    #expect(try Self.demanded(response.headers[.eTag]) == 7)
    #expect(try Self.demanded("7") == 7)
  }

  @Test func `no condition, and any version`() throws {
    #expect(try Self.demanded(nil) == nil)
    #expect(try Self.demanded("*") == nil)
  }

  @Test func `an address that creates what is not there refuses any version`() throws {
    #expect(throws: Problem.self) { try Self.demanded("*", acceptsAny: false) }
    #expect(try Self.demanded(nil, acceptsAny: false) == nil)
    #expect(try Self.demanded("\"3\"", acceptsAny: false) == 3)
  }

  @Test(arguments: ["", "\"", "\"\"", "\"x\"", "W/\"1\"", "\"0\"", "\"-1\"", "\"1\", \"2\"", "99999999999999999999"])
  func `what is no version is refused`(text: String) {
    do throws(Problem) {
      _ = try Self.demanded(text)
      Issue.record("\(text) is taken")
    } catch {
      #expect(error.status == .badRequest && error.code == "invalid_parameter")
      #expect(error.faults.map(\.pointer) == ["If-Match"])
    }
  }

  @Test func `somebody was faster`() {
    #expect(Problem.outdated().status == .preconditionFailed && Problem.outdated().code == "outdated")
  }
}

@Suite struct ParameterTests {
  private static let id = RunID(UUID(high: 1, low: 2))

  private static func query(_ text: String) throws -> QueryItems { try QueryItems(text) }

  @Test func `a page has a limit and a cursor`() throws {
    let first = try PageRequest<RunKind>(Self.query("a=b"))
    #expect(first.limit == 20 && first.rows == 21 && first.cursor == nil)
    let next = try PageRequest<RunKind>(Self.query("limit=100&cursor=\(Self.id)"))
    #expect(next.limit == 100 && next.cursor == Self.id)
  }

  @Test(arguments: [
    "limit=0", "limit=101", "limit=", "limit=1e1", "cursor=x", "cursor=task_00000000000000010000000000000002",
  ])
  func `a page that there cannot be is refused`(text: String) throws {
    let query = try Self.query(text)
    do throws(Problem) {
      _ = try PageRequest<RunKind>(query)
      Issue.record("\(text) is taken")
    } catch { #expect(error.status == .badRequest && error.faults.first?.pointer.hasPrefix("?") == true) }
  }

  @Test func `words, truths and ids of a query`() throws {
    let query = try Self.query("status=open&archived=true&run=\(Self.id)&bad=maybe&at=2026-01-31T00:00:00Z")
    #expect(try QueryParameter.word(query, "status", allowed: ["open", "done"]) == "open")
    #expect(try QueryParameter.word(query, "none", allowed: []) == nil)
    #expect(throws: Problem.self) { try QueryParameter.word(query, "status", allowed: ["done"]) }
    #expect(try QueryParameter.time(query, "at")?.description.hasPrefix("2026-01-31T00:00:00") == true)
    #expect(try QueryParameter.time(query, "none") == nil)
    #expect(throws: Problem.self) { try QueryParameter.time(query, "bad") }
    #expect(try QueryParameter.bool(query, "archived") == true)
    #expect(try QueryParameter.bool(query, "none") == nil)
    #expect(throws: Problem.self) { try QueryParameter.bool(query, "bad") }
    let run: RunID? = try QueryParameter.id(query, "run")
    #expect(run == Self.id)
  }

  @Test(
    arguments: [
      (nil, nil), ("wait=5", 5), ("wait=600", 60), ("respond-async, Wait = 7", 7), ("other", nil), ("wait=0", 0),
    ] as [(String?, Int?)])
  func `how long an answer may wait`(text: String?, seconds: Int?) throws {
    var headers = HTTPHeaders()
    if let text { headers.append("prefer", text) }
    #expect(try WaitPreference.seconds(headers) == seconds)
  }

  @Test(arguments: ["wait", "wait=", "wait=-1", "wait=601", "wait=1=2", "wait=x"])
  func `waits that there cannot be are refused`(text: String) {
    var headers = HTTPHeaders()
    headers.append("prefer", text)
    #expect(throws: Problem.self) { try WaitPreference.seconds(headers) }
  }

  @Test func `ids and names of a path`() throws {
    var router = Router()
    router.on(.get, "/runs/{id}/{name}") { _ in HTTPResponse(.ok) }
    func parameters(_ path: String) throws -> PathParameters {
      let match = Array(path.utf8).withUnsafeBytes { router.match(.get, path: $0) }
      guard case .found(_, let parameters) = match else {
        throw Problem(.noSuchAddress)
      }
      return parameters
    }
    let good = try parameters("/runs/\(Self.id)/a-b")
    #expect(try PathParameter.id(good, RunID.self) == Self.id)
    #expect(try PathParameter.name(good, "name", bytesMax: 3) == "a-b")
    #expect(throws: Problem.self) { try PathParameter.name(good, "name", bytesMax: 2) }
    #expect(throws: Problem.self) { try PathParameter.name(try parameters("/runs/x/a%20b"), "name", bytesMax: 9) }
    do throws(Problem) {
      _ = try PathParameter.id(good, TaskID.self)
      Issue.record("the id of a run is taken for one of a task")
    } catch { #expect(error.status == .notFound && error.code == "task_not_found") }
  }
}

@Suite struct PageResponseTests {
  private static func page(_ rows: [String], limit: Int, cut: String? = nil) throws -> JSONView {
    let response = HTTPResponse.page("rows", rows, limit: limit, cut: cut, cursor: { $0.prefix(3) + "!" }) {
      $1.member("id", $0)
    }
    guard case .bytes(let bytes) = response.body else { throw Problem(.internalError) }
    return try JSONDocument(parsing: bytes).root
  }

  @Test func `the last page has no cursor, others that of their last row`() throws {
    let last = try Self.page(["a", "b"], limit: 2)
    #expect(last["rows"]?.count == 2 && last["next_cursor"]?.isNull == true)
    let first = try Self.page(["a", "b", "c"], limit: 2)
    #expect(first["rows"]?.count == 2 && first["next_cursor"]?.string == "b!")
    let none = try Self.page([], limit: 2)
    #expect(none["rows"]?.count == 0 && none["next_cursor"]?.isNull == true)
    #expect(try Self.page([], limit: 2, cut: "z")["next_cursor"]?.string == "z")
  }

  @Test func `a page ends when it is large, and goes on behind its last row`() throws {
    let large = String(repeating: "x", count: 3 << 20)
    let page = try Self.page(["1__" + large, "2__" + large, "3__" + large], limit: 3)
    #expect(page["rows"]?.count == 2 && page["next_cursor"]?.string == "2__!")
  }
}

@Suite struct AnsweringTests {
  private struct Own: ProblemConvertible { var problem: Problem { Problem(.stale) } }

  private static func code(_ error: any Error) -> String? { Problem.refusal(error)?.code }

  @Test func `failures of the platform and of the service become problems, others stay`() {
    #expect(Self.code(PostgresError(.connectionLost, outcomeUnknown: true)) == "storage_unavailable")
    #expect(Self.code(PostgresError(.sql("23505"))) == nil)
    #expect(Self.code(ReactorError(.overloaded, operation: "x")) == "overloaded")
    #expect(Self.code(ReactorError(.peerClosed, operation: "x")) == nil)
    #expect(Self.code(Own()) == "stale")
    #expect(Self.code(CancellationError()) == nil)
    #expect(Self.code(Problem(.runEnded)) == "run_ended")
  }

  @Test func `the problem names whether a repetition is safe`() {
    #expect(Problem.unavailable(outcomeUnknown: true).detail.contains("Idempotency-Key"))
    #expect(Problem.unavailable(outcomeUnknown: false).detail.contains("nothing was changed"))
    #expect(Problem.unavailable(outcomeUnknown: false).retryAfterSeconds == 1)
  }
}
