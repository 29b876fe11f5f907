internal import Contracts
internal import HTTP
internal import HTTPWire
internal import Reactor
internal import Synchronization
package import Telemetry

/// Answers that are being sent for as long as their clients read: streams of events, of models, WebSockets. Whoever
/// reads one is looked at twice a second, and when its credential or its right is gone the connection is ended.
package final class OpenAnswers: Sendable {
  /// Credentials that are looked at side by side.
  private static let checksAtOnce = 32

  /// Who reads by which right: one look serves all answers that have the same.
  private struct Reader: Hashable {
    let credential: String
    /// What was shown: tokens of one issuer, and texts of a key before and behind its rotation, end apart.
    let presented: String
    let subject: String
    let tenant: TenantID?
    let route: String
  }

  private struct Entry {
    let request: HTTPRequest
    let identity: Identity
    let route: RouteSpecification
    let answer: SentAnswer
    let presented: String
    /// Its end is under way.
    var isEnded = false

    init(_ request: HTTPRequest, _ identity: Identity, _ route: RouteSpecification, _ answer: SentAnswer) {
      self.request = request
      self.identity = identity
      self.route = route
      self.answer = answer
      presented = request.headers[.authorization] ?? request.headers[.xAPIKey] ?? ""
    }
  }

  private struct Open {
    var entries: [UInt64: Entry] = [:]
    var last: UInt64 = 0
    /// Readers whom the policies refused at the last look.
    var doubted: Set<Reader> = []
  }

  private let right: StandingRight
  private let audit: (any AuditRecording)?
  private let open = Mutex(Open())
  private let ended: CounterFamily
  private let logger: Logger

  /// Looks by what requests pass too.
  package init(
    authenticator: any RequestAuthenticating, access: (any AccessDeciding)?, audit: (any AuditRecording)?,
    telemetry: Telemetry
  ) {
    right = StandingRight(authenticator: authenticator, access: access)
    self.audit = audit
    logger = telemetry.logger
    ended = telemetry.registry.counter(
      "cadre_gateway_open_answers_ended_total",
      help: "Answers that were ended while they were sent, because their reader's credential or right was gone.",
      labels: ["reason"])
    telemetry.registry.observeGauge(
      "cadre_gateway_open_answers", help: "Answers that are being sent piece by piece, and whose readers are looked at."
    ) { [self] in Double(open.withLock { $0.entries.count }) }
  }

  /// The same answer, watched while it is sent. One that is complete already stays as it is, and so does that of a
  /// virtual key, of which the gateway knows nothing.
  func watch(
    _ answer: HTTPResponse, to request: HTTPRequest, by identity: Identity, at route: RouteSpecification
  ) -> HTTPResponse {
    guard StandingRight.concerns(identity) else { return answer }
    var answer = answer
    switch answer.body {
    case .empty, .bytes: return answer
    case .stream(let length, let produce):
      answer.body = .stream(length: length) { [self] writer in
        let number = add(Entry(request, identity, route, writer.answer))
        defer { remove(number) }
        try await produce(&writer)
      }
    case .upgrade(let serve):
      answer.body = .upgrade { [self] connection in
        let number = add(Entry(request, identity, route, connection.answer))
        defer { remove(number) }
        await serve(connection)
      }
    }
    return answer
  }

  private func add(_ entry: Entry) -> UInt64 {
    open.withLock { open in
      open.last &+= 1
      open.entries[open.last] = entry
      return open.last
    }
  }

  private func remove(_ number: UInt64) { open.withLock { _ = $0.entries.removeValue(forKey: number) } }

  private func isOpen(_ number: UInt64) -> Bool { open.withLock { $0.entries[number] != nil } }

  // MARK: Looking

  /// Looks until the task is cancelled.
  package func run() async {
    while true {
      do { try await EventLoop.sleep(for: StandingRight.interval) } catch { return }
      await look()
    }
  }

  /// One look at all readers.
  package func look() async {
    let readers = open.withLock { open in
      Dictionary(grouping: open.entries.filter { !$0.value.isEnded }) { _, entry in
        Reader(
          credential: entry.identity.credential, presented: entry.presented, subject: entry.identity.subject,
          tenant: entry.identity.tenant, route: entry.route.description)
      }
    }
    open.withLock { $0.doubted.formIntersection(readers.keys) }
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for (reader, entries) in readers {
        guard let first = entries.first?.value else { continue }
        if running == OpenAnswers.checksAtOnce { await group.next() } else { running += 1 }
        group.addTask { [self] in
          guard let problem = await refusal(of: first, reader) else { return }
          for (number, entry) in entries {
            open.withLock { $0.entries[number]?.isEnded = true }
            entry.answer.abort { [self] in isOpen(number) }
          }
          ended.with(problem.status == .unauthorized ? "credential" : "right").add(UInt64(clamping: entries.count))
          logger.info(
            "answers were ended with the right to read them",
            [
              "caller": .string(reader.credential), "reason": .string(problem.code),
              "count": .int(Int64(clamping: entries.count)),
            ])
          await audit?.refused(first.identity, first.request, at: first.route, problem, decision: "")
        }
      }
    }
  }

  /// Why a reader may read no longer; `nil` when it may, and when nobody can say.
  private func refusal(of entry: Entry, _ reader: Reader) async -> Problem? {
    // A request belongs to the loop of its connection.
    let outcome = try? await entry.request.loop.task { [right] in
      await right.outcome(of: entry.request, by: entry.identity, at: entry.route)
    }.value
    switch outcome {
    case .refused(let problem): return problem
    case .denied(let reason):
      // A decision that could not be made in time is a refusal too: of a reader who has been let in, one alone ends
      // nothing.
      guard open.withLock({ !$0.doubted.insert(reader).inserted }) else { return nil }
      return Problem(.accessDenied, reason.isEmpty ? nil : reason)
    case .good, .none:
      _ = open.withLock { $0.doubted.remove(reader) }
      return nil
    }
  }
}
