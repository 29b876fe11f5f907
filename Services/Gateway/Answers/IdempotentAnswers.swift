package import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import SystemSources
package import Telemetry

/// Answers a request with an `Idempotency-Key` once: a repetition gets the answer of the first.
///
/// The key is locked in Postgres before the request is carried out, and the answer is kept before it is sent. When the
/// process ends between the two, nobody knows what became of the request: a repetition is refused, and nothing is done
/// twice. While Postgres is away, a request with a key is refused before anything is done.
package struct IdempotentAnswers: IdempotentAnswering {
  private static let sweepInterval = Duration.seconds(60)
  private static let sweepRows = 1000
  private static let keyBytes = 1...255

  private let store: any AnswerStoring
  private let answers: CounterFamily
  private let logger: Logger

  init(store: any AnswerStoring, telemetry: Telemetry) {
    self.store = store
    logger = telemetry.logger
    answers = telemetry.registry.counter(
      "cadre_gateway_idempotent_requests_total",
      help: "Requests with an Idempotency-Key that the gateway keeps, by what became of them.", labels: ["outcome"])
  }

  /// Answers that are kept in a table.
  package init(table: AnswerStore, telemetry: Telemetry) { self.init(store: table, telemetry: telemetry) }

  /// Whether the keys of an address are kept here: those that the service behind it honours are left to it. Answers of
  /// models, streams and long waits are not kept, and nobody may take them for such: a field of the answer says so.
  package static func keepsKeys(of route: RouteSpecification) -> Bool {
    route.method == .post && !route.repetition.honoursKeys && !route.isModelRoute && !route.cancelsOnDisconnect
      && route.access != .anonymous
  }

  /// As `IdempotentAnswering` says.
  package func answer(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification,
    _ make: () async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    guard route.method == .post, let key = request.headers[.idempotencyKey] else { return try await make() }
    guard IdempotentAnswers.keepsKeys(of: route), let tenant = identity.tenant else {
      var answer = try await make()
      if !route.repetition.honoursKeys { answer.headers.append("idempotency-key-status", "ignored") }
      return answer
    }
    guard IdempotentAnswers.keyBytes.contains(key.utf8.count) else {
      throw Problem.badParameter("Idempotency-Key", "The key must have 1 to 255 bytes.")
    }
    let own = AnswerKey(tenant: tenant, subject: identity.subject, key: key)
    let digest = IdempotentAnswers.digest(request, try await request.body.readAhead())
    let fence = UUID.random()
    switch try await begin(own, digest, fence) {
    case .first: return try await first(own, fence, request, make)
    case .begun(let known):
      try check(known, digest)
      answers.with("in_progress").add()
      throw Problem(.idempotencyInProgress, retryAfterSeconds: 1)
    case .kept(let answer, let known):
      try check(known, digest)
      answers.with("repeated").add()
      return answer.response
    case .notKept(let status, let known):
      try check(known, digest)
      answers.with("not_kept").add()
      throw Problem(.idempotencyAnswerNotKept, extensions: [("answered_status", .int(Int64(status)))])
    case .unknown(let known):
      try check(known, digest)
      answers.with("unknown").add()
      throw Problem(.idempotencyOutcomeUnknown)
    }
  }

  private func begin(_ key: AnswerKey, _ digest: [UInt8], _ fence: UUID) async throws -> KnownAnswer {
    do { return try await store.begin(key, digest: digest, fence: fence) } catch is CancellationError {
      throw CancellationError()
    } catch {
      answers.with("store_unavailable").add()
      logger.warning("an Idempotency-Key cannot be recorded", ["reason": .string("\(error)")])
      throw Problem(.idempotencyStoreUnavailable, retryAfterSeconds: 1)
    }
  }

  private func check(_ known: [UInt8], _ digest: [UInt8]) throws(Problem) {
    guard known != digest else { return }
    answers.with("mismatch").add()
    throw Problem(
      .idempotencyKeyReused, "This Idempotency-Key was used for another request; use a new key for a new one.")
  }

  private func first(
    _ key: AnswerKey, _ fence: UUID, _ request: HTTPRequest, _ make: () async throws -> HTTPResponse
  ) async throws -> HTTPResponse {
    do {
      let answer = try await make()
      await end(key, fence, AnswerEnding(answer.status, kept: KeptAnswer(answer)))
      return answer
    } catch let problem as Problem {
      let answer = problem.response(traceID: request.trace.traceIDText)
      await end(key, fence, AnswerEnding(problem.status, kept: KeptAnswer(answer)))
      throw problem
    } catch {
      await end(key, fence, .unknown)
      throw error
    }
  }

  /// Without an end the row stays as it is, and says after its time that the outcome is unknown: which is true.
  private func end(_ key: AnswerKey, _ fence: UUID, _ ending: AnswerEnding) async {
    let outcome =
      switch ending {
      case .kept: "kept"
      case .notKept: "first_not_kept"
      case .released: "released"
      case .unknown: "first_unknown"
      }
    answers.with(outcome).add()
    // Recorded also when the caller has gone: a task of its own is not cancelled with the request.
    guard let loop = EventLoop.current else { return }
    let recording = loop.task { [store] in try await store.end(key, fence: fence, ending) }
    do { try await recording.value } catch {
      answers.with("store_failed").add()
      logger.warning("the answer for an Idempotency-Key cannot be recorded", ["reason": .string("\(error)")])
    }
  }

  private static func digest(_ request: HTTPRequest, _ body: [UInt8]) -> [UInt8] {
    let head = [request.head.methodName, request.head.target, request.headers[.contentType] ?? ""]
    // Each part with its length: no two requests look alike.
    return Digest.sha256(Array(head.map { "\($0.utf8.count):\($0)" }.joined().utf8) + body)
  }

  /// Removes answers whose time is over, until the task is cancelled.
  package func run() async {
    while !Task.isCancelled {
      var count = IdempotentAnswers.sweepRows
      while count == IdempotentAnswers.sweepRows, !Task.isCancelled {
        do { count = try await store.removeExpired(rowsMax: IdempotentAnswers.sweepRows) } catch {
          logger.warning("answers whose time is over cannot be removed", ["reason": .string("\(error)")])
          count = 0
        }
      }
      guard (try? await EventLoop.sleep(for: IdempotentAnswers.sweepInterval)) != nil else { return }
    }
  }
}
