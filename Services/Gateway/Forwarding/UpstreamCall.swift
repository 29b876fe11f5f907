package import Contracts
package import HTTP
package import HTTPWire
internal import Primitives
internal import ServiceKit
internal import SystemSources
package import Telemetry

/// A call that the gateway makes by itself for a caller, beside the requests that it forwards: same address, same
/// assertion, so the same rights and limits.
package struct UpstreamCall: Sendable {
  /// The method.
  package let method: HTTPMethod
  /// The path, with its query.
  package let target: String
  /// Header fields besides those of every call.
  package let headers: [(name: String, value: String)]
  /// A JSON document, or nothing.
  package let body: [UInt8]?
  /// When it may be sent again.
  package let repetition: Repetition

  /// Describes a call.
  package init(
    _ method: HTTPMethod, _ target: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
    repetition: Repetition? = nil
  ) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
    self.repetition = repetition ?? (method == .post || method == .patch ? .never : .asMethod)
  }
}

extension Upstream {
  /// The same service, waited for so long at most.
  package func with(timeout: Duration) -> Upstream {
    Upstream(
      service, peers: peers, assertions: assertions, client: client, timeout: timeout, callerHeaders: callerHeaders)
  }

  /// Makes a call and returns its whole answer, whatever its status. Throws a `Problem` when there is none, or when it
  /// is larger than `bytesMax`.
  package func answer(
    _ call: UpstreamCall, as caller: Caller, trace: TraceContext, bytesMax: Int
  ) async throws -> HTTPResponse {
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    let answer = try await open(call, as: caller, trace: trace)
    let bytes: [UInt8]
    do { bytes = try await answer.body.collect(upTo: bytesMax, before: deadline) } catch {
      throw problem(error, promisesOnce: false)
    }
    let response = HTTPResponse(answer.status, headers: answer.headers, body: .bytes(bytes))
    if AssertionRefusal.isMeant(by: response) { throw AssertionRefusal.problem(name) }
    return response
  }

  /// Makes a call and returns as soon as the answer begins; its body is read by the caller. Throws a `Problem`.
  package func open(
    _ call: UpstreamCall, as caller: Caller, trace: TraceContext
  ) async throws -> HTTPClientResponse {
    var headers = HTTPHeaders()
    for (name, value) in call.headers { headers.append(name, value) }
    if call.body != nil { headers.append(.contentType, "application/json") }
    headers.append(InternalHeader.assertion, assertions.text(for: caller, to: service, now: WallClock.now()))
    if call.repetition == .always { headers.append(InternalHeader.newRun, RunID.make().description) }
    let hasKey = headers.contains(.idempotencyKey)
    let isRepeatable = call.repetition.allows(call.method, hasKey: hasKey, hasCondition: false)
    do {
      return try await peers.send(with: client, peer: name) { url in
        HTTPClientRequest(
          call.method, try address(url, call.target), headers: headers, body: call.body.map { .bytes($0) } ?? .none,
          timeout: timeout, isIdempotent: isRepeatable, trace: trace)
      }
    } catch let error as HTTPClientError {
      throw problem(error, promisesOnce: hasKey && call.repetition.honoursKeys)
    }
  }

  /// What a failed exchange means to the caller.
  package func problem(_ error: any Error, promisesOnce: Bool) -> any Error {
    (error as? HTTPClientError).map { problem($0, promisesOnce: promisesOnce) } ?? error
  }
}
