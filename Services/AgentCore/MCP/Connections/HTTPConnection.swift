internal import HTTP
package import HTTPWire
package import JSON
package import MCP
internal import Primitives
package import Reactor
internal import SystemSources
internal import Telemetry

/// A connection to a server over streamable HTTP: a request is an exchange of its own.
///
/// `@unchecked Sendable`: confined to its loop, which every entry point checks.
package final class HTTPConnection: MCPConnection, @unchecked Sendable {
  /// Header fields of requests that a registration must not set.
  package static let reservedHeaders: Set<String> = [
    "accept", "content-type", "content-length", "connection", "host", "transfer-encoding", "traceparent", "tracestate",
    MCPHeader.protocolVersion, MCPHeader.method, MCPHeader.name, MCPHeader.session, "last-event-id",
  ]
  static let closeTime = Duration.seconds(3)
  private static let renewalTime = Duration.seconds(15)
  private static let notRenewed = MCPError(.sessionLost, "the session was lost and no other could be opened")

  package var onEvent: (@Sendable (ConnectionEvent) -> Void)?
  package internal(set) var revision: MCPRevision?

  let url: HTTPURL
  let headers: [(name: String, value: String)]
  let egress: any MCPEgress
  let limits: MCPLimits
  let loop: EventLoop
  var session: String?
  var nextID: Int64 = 1
  var isClosed = false
  var listener: Task<Void, any Error>?
  private var offered = MCPServerCapabilities()
  private var renewal: Task<Void, any Error>?
  /// The error with which the server answered last: what a probe needs.
  var refusal: MCPErrorObject?

  /// A server that was not asked yet. `headers` hold the credentials of the registration.
  package init(
    url: HTTPURL, headers: [(name: String, value: String)] = [], egress: any MCPEgress,
    limits: MCPLimits = .standard, on loop: EventLoop
  ) {
    self.url = url
    self.headers = headers.filter { !HTTPConnection.reservedHeaders.contains($0.name.lowercased()) }
    self.egress = egress
    self.limits = limits
    self.loop = loop
  }

  package func open(deadline: UInt64) async throws(MCPError) -> MCPHandshake {
    loop.preconditionCurrent()
    let probe = takeID()
    let outcome: EraNegotiation.Outcome
    do throws(MCPError) {
      let result = try await exchange(
        ClientIdentity.discover(id: probe), id: probe, revision: .newest,
        ClientRequest("server/discover", deadline: deadline))
      outcome = EraNegotiation.answered(try MCPHandshake(discovery: result, limits: limits))
    } catch {
      outcome = try self.outcome(of: error)
    }
    switch outcome {
    case .failed(let error): throw error
    case .stateless(let handshake):
      revision = .newest
      offered = handshake.capabilities
      listen()
      return handshake
    case .initialize:
      let handshake = try await initialize(deadline: deadline)
      offered = handshake.capabilities
      listen()
      return handshake
    }
  }

  /// What a failed probe says about the era. A server that cannot be reached says nothing about it.
  private func outcome(of error: MCPError) throws(MCPError) -> EraNegotiation.Outcome {
    if let refusal { return EraNegotiation.refused(refusal) }
    switch error.reason {
    case .httpStatus, .invalidMessage, .invalidJSON, .invalidResult, .sessionLost: return .initialize
    default: throw error
    }
  }

  private func initialize(deadline: UInt64) async throws(MCPError) -> MCPHandshake {
    session = nil
    revision = nil
    let id = takeID()
    let result = try await exchange(
      ClientIdentity.initialize(id: id), id: id, revision: .newestWithSessions,
      ClientRequest("initialize", deadline: deadline))
    let handshake = try MCPHandshake(initialization: result, limits: limits)
    let chosen = try EraNegotiation.session(handshake)
    guard chosen != .november2024 else {
      throw MCPError(.unsupportedVersion, "revision 2024-11-05 has no streamable HTTP")
    }
    revision = chosen
    try await notify(MCPMessageWriter.notification(method: "notifications/initialized"), deadline: deadline)
    return handshake
  }

  package func request(_ request: ClientRequest) async throws(MCPError) -> JSONView {
    loop.preconditionCurrent()
    guard !isClosed else { throw MCPError(.closed, "the connection was closed") }
    let before = session
    do throws(MCPError) {
      return try await attempt(request)
    } catch {
      guard error.reason == .sessionLost else { throw error }
      // The server did not act on a request of a session that it does not know.
      try await renew(after: before)
      return try await attempt(request)
    }
  }

  private func attempt(_ request: ClientRequest) async throws(MCPError) -> JSONView {
    guard let revision else { throw MCPError(.closed, "the connection is not open yet") }
    let id = takeID()
    let message = MCPMessageWriter.request(id: .number(id), method: request.method) { writer in
      ClientIdentity.metadata(revision, progressToken: id, traceparent: request.traceparent).write(to: &writer)
      request.params(&writer)
    }
    guard message.count <= limits.messageBytesMax else {
      throw MCPError(.invalidArguments, "the request has more than \(limits.messageBytesMax) bytes")
    }
    do throws(MCPError) {
      return try await exchange(message, id: id, revision: revision, request)
    } catch {
      // In the stateless era the end of the exchange is the cancellation.
      if revision.era == .session, error.reason == .timedOut || error.reason == .cancelled {
        cancelRemotely(id, error.reason == .timedOut ? "timed out" : "cancelled")
      }
      throw error
    }
  }

  private func cancelRemotely(_ id: Int64, _ reason: String) {
    let message = MCPMessageWriter.notification(method: "notifications/cancelled") {
      $0.member("requestId", id)
      $0.member("reason", reason)
    }
    loop.task { [self] in
      try await notify(
        message, deadline: MonotonicClock.now() &+ UInt64(clamping: HTTPConnection.closeTime.nanoseconds))
    }
  }

  /// Opens a session anew, once for all requests that have met the loss of the old one.
  private func renew(after lost: String?) async throws(MCPError) {
    if renewal == nil {
      guard session == lost else { return }
      renewal = loop.task { [self] in
        defer { renewal = nil }
        listener?.cancel()
        do {
          _ = try await initialize(
            deadline: MonotonicClock.now() &+ UInt64(clamping: HTTPConnection.renewalTime.nanoseconds))
        } catch {
          // Nothing can be asked without a session; another connection may get one.
          onEvent?(.closed(HTTPConnection.notRenewed))
          throw error
        }
        listen()
      }
    }
    do { try await renewal?.value } catch { throw HTTPConnection.notRenewed }
  }

  func takeID() -> Int64 {
    defer { nextID &+= 1 }
    return nextID
  }

  package func close() async {
    loop.preconditionCurrent()
    guard !isClosed else { return }
    isClosed = true
    listener?.cancel()
    guard session != nil else { return }
    var request = HTTPClientRequest(
      .delete, url, headers: fields(revision ?? .newestWithSessions, nil), timeout: HTTPConnection.closeTime)
    request.isIdempotent = false
    _ = try? await egress.send(request)
  }

  // MARK: Changes of lists

  private func listen() {
    guard !isClosed, offered.toolsListChanged || offered.resourcesListChanged || offered.promptsListChanged else {
      return
    }
    let offered = offered
    listener = loop.task { [weak self] in
      var pause = Duration.seconds(1)
      while let self, !self.isClosed, !Task.isCancelled {
        let isOffered = await self.listenOnce(offered)
        guard isOffered else { return }
        try await EventLoop.sleep(for: pause)
        pause = min(pause * 2, .seconds(60))
      }
    }
  }

  /// Reads notifications until the stream ends. Returns whether to try again.
  private func listenOnce(_ offered: MCPServerCapabilities) async -> Bool {
    guard let revision else { return false }
    do throws(MCPError) {
      if revision.era == .stateless {
        let id = takeID()
        guard let message = ClientIdentity.listen(id: id, offered) else { return false }
        _ = try await exchange(
          message, id: id, revision: revision, ClientRequest("subscriptions/listen", deadline: .max))
      } else {
        try await followStream(revision)
      }
      return true
    } catch {
      switch error.reason {
      case .closed, .timedOut, .cannotConnect: return true
      case .cancelled, .methodNotFound, .httpStatus, .sessionLost: return false
      default:
        onEvent?(.fault(error))
        return false
      }
    }
  }
}
