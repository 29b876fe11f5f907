internal import HTTP
internal import HTTPWire
internal import JSON
internal import MCP
internal import Primitives
internal import Reactor
internal import SystemSources
internal import Telemetry

extension HTTPConnection {
  /// Pauses of a stream that brings nothing, not even a comment, while nothing is due.
  private static let silenceMax = Duration.seconds(300)
  /// How often the answer to one request is picked up again where a stream broke off.
  private static let resumptionsMax = 3

  /// The header fields of a message.
  func fields(_ revision: MCPRevision, _ request: ClientRequest?) -> HTTPHeaders {
    var fields = HTTPHeaders()
    fields.append(.accept, "application/json, text/event-stream")
    fields.append(.contentType, "application/json")
    fields.append(MCPHeader.protocolVersion, revision.rawValue)
    if revision.era == .session {
      if let session { fields.append(MCPHeader.session, session) }
    } else if let request {
      fields.append(MCPHeader.method, request.method)
      if let name = request.name { fields.append(MCPHeader.name, MCPHeader.encode(name)) }
      for header in request.headers { fields.append(header.name, header.value) }
    }
    for header in headers { fields.append(header.name, header.value) }
    return fields
  }

  /// Sends a request and reads until its answer.
  func exchange(
    _ message: [UInt8], id: Int64, revision: MCPRevision, _ request: ClientRequest
  ) async throws(MCPError) -> JSONView {
    let sentSession = session
    refusal = nil
    let response = try await send(
      .post, message, fields(revision, request), deadline: request.deadline, trace: request.traceparent)
    if revision.era == .session, request.method == "initialize" { try keepSession(response.headers) }
    let answer = HTTPAnswer(
      status: Int(response.status.code), contentType: response.headers[.contentType],
      hasSession: revision.era == .session && sentSession != nil)
    switch answer {
    case .failed(let error): throw error
    case .sessionLost: throw MCPError(.sessionLost, "the server does not know the session any more")
    case .accepted: throw MCPError(.invalidMessage, "the server took a request for a notification")
    case .json:
      let bytes = try await collect(response, deadline: request.deadline)
      for message in try MCPMessage.messages(parsing: bytes, limits: limits) {
        if let result = try await take(message, id, revision) { return result }
      }
      throw MCPError(.invalidMessage, "the answer holds no response")
    case .refused(let status):
      let bytes = try? await collect(response, deadline: request.deadline)
      if let bytes, case .failure(_, let error) = try? MCPMessage(parsing: bytes, limits: limits) {
        refusal = error
        throw HTTPConnection.refusal(error, status)
      }
      throw MCPError(.httpStatus, "the server answered with status \(status)")
    case .events: return try await follow(response, id, revision, request)
    }
  }

  /// The error of an answer with a status of 4xx. What has no meaning of its own in the protocol is a refusal by HTTP.
  private static func refusal(_ error: MCPErrorObject, _ status: Int) -> MCPError {
    if MCPErrorCode.isModern(error.code) || error.code == MCPErrorCode.methodNotFound { return MCPError(answer: error) }
    if error.code == MCPErrorCode.invalidParams { return MCPError(answer: error) }
    return MCPError(.httpStatus, "status \(status): \(error.message)", rpcCode: error.code)
  }

  private func keepSession(_ headers: HTTPHeaders) throws(MCPError) {
    guard let value = headers[MCPHeader.session] else { return }
    guard !value.isEmpty, value.utf8.count <= 1024, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw MCPError(.invalidMessage, "the id of the session is no visible ASCII of at most 1024 bytes")
    }
    session = value
  }

  /// Sends a notification or an answer.
  func notify(_ message: [UInt8], deadline: UInt64) async throws(MCPError) {
    let revision = revision ?? .newestWithSessions
    let response = try await send(.post, message, fields(revision, nil), deadline: deadline, trace: nil)
    guard response.status.isSuccess else {
      throw MCPError(.httpStatus, "the server answered a notification with status \(response.status.code)")
    }
  }

  private func send(
    _ method: HTTPMethod, _ body: [UInt8]?, _ fields: HTTPHeaders, deadline: UInt64, trace: String?
  ) async throws(MCPError) -> HTTPClientResponse {
    let now = MonotonicClock.now()
    guard deadline > now else { throw MCPError(.timedOut, "the time was over before the request was sent") }
    let left = Duration.nanoseconds(Int64(clamping: min(deadline - now, 86_400_000_000_000)))
    var request = HTTPClientRequest(
      method, url, headers: fields, body: body.map { .bytes($0) } ?? .none, timeout: left,
      pauseMax: HTTPConnection.silenceMax, isIdempotent: false)
    request.connectTimeout = min(left, .seconds(10))
    request.trace = trace.flatMap { TraceContext(traceparent: $0) }
    do { return try await egress.send(request) } catch { throw HTTPConnection.error(of: error) }
  }

  private func collect(_ response: HTTPClientResponse, deadline: UInt64) async throws(MCPError) -> [UInt8] {
    do {
      return try await response.body.collect(upTo: limits.messageBytesMax, before: deadline)
    } catch { throw HTTPConnection.error(of: error) }
  }

  private static func error(of error: any Error) -> MCPError {
    if let error = error as? MCPError { return error }
    if error is CancellationError || Task.isCancelled { return MCPError(.cancelled, "the caller gave up") }
    guard let error = error as? HTTPClientError else { return MCPError(.closed, "the exchange failed") }
    switch error.code {
    case .cannotConnect: return MCPError(.cannotConnect, error.description)
    case .timedOut: return MCPError(.timedOut, error.description)
    case .connectionLost: return MCPError(.closed, error.description)
    case .protocolViolation: return MCPError(.invalidMessage, error.description)
    case .bodyTooLarge: return MCPError(.messageTooLarge, error.description)
    case .overloaded: return MCPError(.overloaded, error.description)
    }
  }

  // MARK: Event streams

  /// Reads events until the answer. In the session era a stream that broke off is picked up where it ended.
  private func follow(
    _ first: HTTPClientResponse, _ id: Int64, _ revision: MCPRevision, _ request: ClientRequest
  ) async throws(MCPError) -> JSONView {
    var response = first
    var lastEvent: String?
    var flood = FloodGuard()
    for _ in 0...HTTPConnection.resumptionsMax {
      var parser = ServerSentEventParser()
      while let piece = try await piece(
        of: response, deadline: request.deadline, endsWhenLost: revision.era == .session && lastEvent != nil)
      {
        for event in try HTTPConnection.events(&parser, piece, &flood) {
          if let name = event.id, name.utf8.count <= 1024 { lastEvent = name }
          // An event without data only says where the stream stands.
          guard !event.data.isEmpty else { continue }
          for message in try MCPMessage.messages(parsing: event.data, limits: limits) {
            guard flood.admits(now: MonotonicClock.now()) else { throw FloodGuard.error }
            if let result = try await take(message, id, revision) { return result }
          }
        }
      }
      guard revision.era == .session, let place = lastEvent else { break }
      let pause = min(Duration.milliseconds(Int64(parser.retryMilliseconds ?? 100)), .seconds(5))
      do { try await EventLoop.sleep(for: pause) } catch { throw MCPError(.cancelled, "the caller gave up") }
      var fields = fields(revision, nil)
      fields.append(.lastEventID, place)
      response = try await send(.get, nil, fields, deadline: request.deadline, trace: nil)
      guard
        HTTPAnswer(
          status: Int(response.status.code), contentType: response.headers[.contentType], hasSession: true) == .events
      else { break }
    }
    throw MCPError(.closed, "the stream ended without an answer")
  }

  /// Follows the stream of notifications of a session, until it ends.
  func followStream(_ revision: MCPRevision) async throws(MCPError) {
    let response = try await send(.get, nil, fields(revision, nil), deadline: .max, trace: nil)
    guard
      HTTPAnswer(
        status: Int(response.status.code), contentType: response.headers[.contentType], hasSession: true) == .events
    else { throw MCPError(.httpStatus, "the server has no stream of notifications") }
    var parser = ServerSentEventParser()
    var flood = FloodGuard()
    while let piece = try await piece(of: response, deadline: .max) {
      for event in try HTTPConnection.events(&parser, piece, &flood) where !event.data.isEmpty {
        for message in try MCPMessage.messages(parsing: event.data, limits: limits) {
          guard flood.admits(now: MonotonicClock.now()) else { throw FloodGuard.error }
          _ = try await take(message, 0, revision)
        }
      }
    }
  }

  /// The next piece of a stream; `nil` at its end, and where its connection was lost and that is an end as well.
  private func piece(
    of response: HTTPClientResponse, deadline: UInt64, endsWhenLost: Bool = false
  ) async throws(MCPError) -> [UInt8]? {
    do { return try await response.body.next(before: deadline) } catch {
      let error = HTTPConnection.error(of: error)
      if endsWhenLost, error.reason == .closed { return nil }
      throw error
    }
  }

  /// The events of a piece. All bytes of a stream count, and what brings no message counts as one.
  private static func events(
    _ parser: inout ServerSentEventParser, _ piece: [UInt8], _ flood: inout FloodGuard
  ) throws(MCPError) -> [ServerSentEvent] {
    let events: [ServerSentEvent]
    do { events = try parser.feed(piece) } catch {
      throw MCPError(.messageTooLarge, "an event is larger than \(ServerSentEventParser.eventBytesMax) bytes")
    }
    let silent = parser.silentLines + events.count { $0.data.isEmpty }
    parser.silentLines = 0
    guard flood.admits(silent, bytes: piece.count, now: MonotonicClock.now()) else { throw FloodGuard.error }
    return events
  }

  /// Takes a message of the answer to request `id`; returns the result when it is the answer.
  private func take(_ message: MCPMessage, _ id: Int64, _ revision: MCPRevision) async throws(MCPError) -> JSONView? {
    switch message {
    case .response(let other, let result):
      guard other == .number(id) else {
        throw MCPError(.unknownResponse, "the server answered another request than the one that was sent")
      }
      return result
    case .failure(let other, let error):
      guard other == nil || other == .number(id) else {
        throw MCPError(.unknownResponse, "the server answered another request than the one that was sent")
      }
      refusal = error
      throw MCPError(answer: error)
    case .notification(let notification):
      if let list = ServerList(notification: notification.method) { onEvent?(.listChanged(list)) }
      if notification.method == "notifications/progress" {
        do throws(MCPError) {
          onEvent?(.progress(try MCPProgress(params: notification.params, limits: limits)))
        } catch { onEvent?(.fault(error)) }
      }
    case .request(let request):
      guard revision.era == .session else {
        throw MCPError(.invalidMessage, "the server sent a request, which this revision does not allow")
      }
      try await notify(
        ClientIdentity.answer(to: request),
        deadline: MonotonicClock.now() &+ UInt64(clamping: HTTPConnection.closeTime.nanoseconds))
    }
    return nil
  }
}
