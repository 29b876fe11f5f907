package import Contracts
package import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
package import ServiceKit
internal import SystemSources

/// Forwards requests to a service behind the gateway, with a signed assertion of the caller in place of its key.
package struct Upstream: Sendable {
  /// Bodies up to this size are sent in one piece; larger ones are streamed.
  static let wholeBytesMax: UInt64 = 256 << 10

  let service: Audience
  let peers: PeerSet
  let assertions: CallerAssertions
  let client: HTTPClient
  let timeout: Duration
  /// Those of our own headers that callers may set: labels and preferences, which give no rights.
  let callerHeaders: Set<String>

  /// Makes the way to a service.
  package init(
    _ service: Audience, peers: PeerSet, assertions: CallerAssertions, client: HTTPClient, timeout: Duration,
    callerHeaders: Set<String> = []
  ) {
    self.service = service
    self.peers = peers
    self.assertions = assertions
    self.client = client
    self.timeout = timeout
    self.callerHeaders = callerHeaders
  }

  /// The same way with another time-out.
  package func within(_ timeout: Duration) -> Upstream {
    Upstream(
      service, peers: peers, assertions: assertions, client: client, timeout: timeout, callerHeaders: callerHeaders)
  }

  var name: String { service.rawValue }

  /// Sends a request on and returns the answer. Throws a `Problem`.
  package func forward(
    _ request: HTTPRequest, as credential: Credential, _ repetition: Repetition
  ) async throws -> HTTPResponse {
    var headers = headers(request, credential)
    // Named here, a run is made once however often its submission has to be sent.
    if repetition == .always { headers.append(InternalHeader.newRun, RunID.make().description) }
    if request.body.isDecoded { headers.remove(.contentEncoding) }
    let hasKey = request.headers.contains(.idempotencyKey)
    let isRepeatable = repetition.allows(
      request.head.method, hasKey: hasKey, hasCondition: request.headers.contains(.ifMatch))
    let upload = try await ForwardedBody(request.body)
    let target = request.head.query.map { request.head.path + "?" + $0 } ?? request.head.path
    let answer: HTTPClientResponse
    do {
      answer = try await peers.send(with: client, peer: name, canSendAgain: { !upload.hasBegun }) { url in
        HTTPClientRequest(
          request.head.method, try address(url, target), headers: headers, body: upload.body, timeout: timeout,
          isIdempotent: isRepeatable, trace: request.trace)
      }
    } catch let error as HTTPClientError {
      throw problem(error, promisesOnce: hasKey && repetition.honoursKeys)
    }
    let response = try await response(answer, to: request.head.method)
    if case .caller = credential, AssertionRefusal.isMeant(by: response) { throw AssertionRefusal.problem(name) }
    return response
  }

  func address(_ url: HTTPURL, _ target: String) throws(Problem) -> HTTPURL {
    do {
      return try url.appending(path: target)
    } catch {
      throw Problem(error.status, code: error.code.rawValue, error.message)
    }
  }

  /// The caller's fields without credentials, without hop-by-hop ones, and without any that only our services may set.
  private func headers(_ request: HTTPRequest, _ credential: Credential) -> HTTPHeaders {
    var headers = HTTPHeaders(reservingCount: request.headers.count + 3, bytes: request.headers.count * 40 + 640)
    request.headers.forEachRaw { name, value in
      if !Upstream.isWithheld(name) || isCallers(name) { headers.append(rawName: name, rawValue: value) }
    }
    switch credential {
    case .caller(let caller):
      headers.append(InternalHeader.assertion, assertions.text(for: caller, to: service, now: WallClock.now()))
    // Without an assertion: what this caller may do is decided by its key alone.
    case .virtualKey(let key): headers.append(.xAPIKey, key)
    }
    return headers
  }

  private func isCallers(_ name: UnsafeRawBufferPointer) -> Bool {
    !callerHeaders.isEmpty && callerHeaders.contains(String(decoding: name, as: UTF8.self).lowercased())
  }

  private static func isWithheld(_ name: UnsafeRawBufferPointer) -> Bool {
    let prefix = InternalHeader.prefix.utf8
    if name.count >= prefix.count, zip(name, prefix).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) { return true }
    switch name.count {
    case 2, 4, 6, 7, 9, 10, 11, 13, 16, 17:
      return withheld.contains(String(decoding: name, as: UTF8.self).lowercased())
    default: return false
    }
  }

  private static let withheld: Set<String> = [
    "te", "host", "cookie", "expect", "trailer", "upgrade", "x-api-key", "connection", "keep-alive", "tracestate",
    "traceparent", "authorization", "proxy-connection", "transfer-encoding",
  ]

  private func response(_ answer: HTTPClientResponse, to method: HTTPMethod) async throws -> HTTPResponse {
    var headers = answer.headers
    headers.removeHopByHop()
    headers.append(.xContentTypeOptions, "nosniff")
    let length = headers[.contentLength].flatMap { UInt64($0) }
    // An answer to HEAD has the length of the body that it leaves out.
    if method == .head { return HTTPResponse(answer.status, headers: headers, body: .stream(length: length) { _ in }) }
    if let length, length <= Upstream.wholeBytesMax {
      let bytes = try await answer.body.collect(upTo: Int(Upstream.wholeBytesMax))
      return HTTPResponse(answer.status, headers: headers, body: .bytes(bytes))
    }
    if answer.status.forbidsBody { return HTTPResponse(answer.status, headers: headers) }
    let body = answer.body
    return HTTPResponse(
      answer.status, headers: headers,
      body: .stream(length: length) { writer in
        while let piece = try await body.next() { try await writer.write(piece) }
      })
  }

  func problem(_ error: HTTPClientError, promisesOnce: Bool) -> Problem {
    switch error.code {
    case .timedOut:
      Problem(.upstreamTimeout, "The \(name) did not answer in time.")
    case .cannotConnect, .overloaded:
      Problem(
        .upstreamUnavailable, "The \(name) cannot be reached at the moment; nothing was changed. Try again shortly.",
        retryAfterSeconds: 1)
    case .connectionLost, .protocolViolation, .bodyTooLarge:
      Problem(
        .upstreamFailed,
        promisesOnce
          ? "The connection to the \(name) broke; repeat the request with the same Idempotency-Key to be sure."
          : "The connection to the \(name) broke, and it is not known whether the request was carried out.",
        retryAfterSeconds: 1)
    }
  }
}
