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
    let answer: SentAnswer
    /// Its end is under way.
    var isEnded = false
  }

  /// The answers of one reader.
  private struct Group {
    let identity: Identity
    let route: RouteSpecification
    var entries: [UInt64: Entry] = [:]
    /// The policies refused the reader at the last look.
    var isDoubted = false
  }

  private struct Open {
    var groups: [Reader: Group] = [:]
    var count = 0
    var last: UInt64 = 0
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
    ) { [self] in Double(open.withLock { $0.count }) }
  }

  /// The same answer, watched while it is sent. One that is complete already stays as it is, and so does that of a
  /// virtual key, of which the gateway knows nothing.
  func watch(
    _ answer: HTTPResponse, to request: HTTPRequest, by identity: Identity, at route: RouteSpecification
  ) -> HTTPResponse {
    guard StandingRight.concerns(identity) else { return answer }
    let reader = Reader(
      credential: identity.credential, presented: request.headers[.authorization] ?? request.headers[.xAPIKey] ?? "",
      subject: identity.subject, tenant: identity.tenant, route: route.description)
    var answer = answer
    switch answer.body {
    case .empty, .bytes: break
    case .stream, .upgrade:
      answer.observers.append(Watch(self, request, reader, Group(identity: identity, route: route)))
    }
    return answer
  }

  /// Keeps an answer among the open ones while it is sent.
  ///
  /// `@unchecked Sendable`: `number` is touched on the loop of the connection.
  private final class Watch: BodyObserver, @unchecked Sendable {
    private let answers: OpenAnswers
    private let request: HTTPRequest
    private let reader: Reader
    private let group: Group
    private var number: UInt64?

    init(_ answers: OpenAnswers, _ request: HTTPRequest, _ reader: Reader, _ group: Group) {
      self.answers = answers
      self.request = request
      self.reader = reader
      self.group = group
    }

    func bodyBegins(_ answer: SentAnswer) {
      number = answers.add(Entry(request: request, answer: answer), of: reader, group)
    }

    func bodyEnded() {
      guard let number else { return }
      answers.remove(number, of: reader)
    }
  }

  private func add(_ entry: Entry, of reader: Reader, _ group: Group) -> UInt64 {
    open.withLock { open in
      open.last &+= 1
      open.count += 1
      open.groups[reader, default: group].entries[open.last] = entry
      return open.last
    }
  }

  private func remove(_ number: UInt64, of reader: Reader) {
    open.withLock { open in
      guard open.groups[reader]?.entries.removeValue(forKey: number) != nil else { return }
      open.count -= 1
      if open.groups[reader]?.entries.isEmpty ?? false { open.groups[reader] = nil }
    }
  }

  private func isOpen(_ number: UInt64, of reader: Reader) -> Bool {
    open.withLock { $0.groups[reader]?.entries[number] != nil }
  }

  // MARK: Looking

  /// Looks until the task is cancelled.
  package func run() async {
    while true {
      do { try await EventLoop.sleep(for: StandingRight.interval) } catch { return }
      await look()
    }
  }

  /// One look at all readers: what it costs grows with them, not with their answers.
  package func look() async {
    let readers = open.withLock { open in
      open.groups.compactMap { reader, group in
        group.entries.values.first { !$0.isEnded }.map { (reader, group.identity, group.route, $0.request) }
      }
    }
    await withTaskGroup(of: Void.self) { group in
      var running = 0
      for (reader, identity, route, request) in readers {
        if running == OpenAnswers.checksAtOnce { await group.next() } else { running += 1 }
        group.addTask { [self] in
          guard let problem = await refusal(of: request, by: identity, at: route, reader) else { return }
          let count = end(reader)
          ended.with(problem.status == .unauthorized ? "credential" : "right").add(UInt64(clamping: count))
          logger.info(
            "answers were ended with the right to read them",
            [
              "caller": .string(reader.credential), "reason": .string(problem.code),
              "count": .int(Int64(clamping: count)),
            ])
          // What nobody has decided is no refusal for the audit log.
          guard problem.status != .serviceUnavailable else { return }
          await audit?.refused(identity, request, at: route, problem, decision: "")
        }
      }
    }
  }

  /// Ends all answers of a reader. Returns how many.
  private func end(_ reader: Reader) -> Int {
    let ending = open.withLock { open in
      let ending = open.groups[reader]?.entries.filter { !$0.value.isEnded } ?? [:]
      for number in ending.keys { open.groups[reader]?.entries[number]?.isEnded = true }
      return ending
    }
    for (number, entry) in ending { entry.answer.abort { [self] in isOpen(number, of: reader) } }
    return ending.count
  }

  /// Why a reader may read no longer; `nil` when it may, and when nobody can say.
  private func refusal(
    of request: HTTPRequest, by identity: Identity, at route: RouteSpecification, _ reader: Reader
  ) async -> Problem? {
    // A request belongs to the loop of its connection.
    let outcome = try? await request.loop.task { [right] in
      await right.outcome(of: request, by: identity, at: route)
    }.value
    switch outcome {
    case .refused(let problem): return problem
    case .denied(let problem), .undecided(let problem):
      // A decision that could not be made in time is a refusal too: of a reader who has been let in, one alone ends
      // nothing. Where nobody can decide, whoever comes back gets a 503 and tries again.
      let wasDoubted = open.withLock { open in
        defer { open.groups[reader]?.isDoubted = true }
        return open.groups[reader]?.isDoubted ?? false
      }
      return wasDoubted ? problem : nil
    case .good, .none:
      open.withLock { $0.groups[reader]?.isDoubted = false }
      return nil
    }
  }
}
