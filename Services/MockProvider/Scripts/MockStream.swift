internal import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Synchronization

/// A streamed answer at the pace and with the faults of its script.
struct MockStream: Sendable {
  let dialect: MockDialect
  let request: MockRequest
  let script: MockScript
  let answer: MockAnswer
  let counts: MockCounts

  var response: HTTPResponse {
    var response = HTTPResponse(
      .ok,
      body: .stream(length: nil) { [self] body in
        defer { counts.running.subtract(1, ordering: .relaxed) }
        do {
          try await send { try await body.write($0) }
        } catch let cut as ScriptedDisconnect {
          counts.broken.add(1, ordering: .relaxed)
          throw cut
        } catch {
          counts.cancelled.add(1, ordering: .relaxed)
          throw error
        }
      })
    response.headers.append(.contentType, "text/event-stream; charset=utf-8")
    response.headers.append(.cacheControl, "no-cache")
    return response
  }

  private func send(_ write: ([UInt8]) async throws -> Void) async throws {
    let events: MockEvents =
      switch dialect {
      case .chat, .embeddings: MockChatWriter(answer: answer).stream(withUsage: request.wantsUsage)
      case .messages: MockMessageWriter(answer: answer).stream()
      case .responses: MockResponseWriter(answer: answer).stream()
      }
    if script.fault == .errorBody {
      return try await write(failure())
    }
    if script.fault == .garbage {
      return try await write(Array("data: {\"choices\": [{\"delta\": \n\n".utf8))
    }
    for event in events.opening { try await write(event) }
    let count = max(1, events.pieces.count)
    let delay = script.pace.betweenPieces(tokens: max(1, answer.outputTokens / Int64(count)))
    for (index, piece) in events.pieces.enumerated() {
      if delay > .zero { try await EventLoop.sleep(for: delay) }
      if index >= (count + 1) / 2 { try await breakOff(write) }
      try await write(piece)
    }
    if events.pieces.count < 2 { try await breakOff(write) }
    counts.settle(answer)
    for event in events.closing { try await write(event) }
  }

  private func failure() -> [UInt8] {
    let body = MockError.body(dialect, dialect == .messages ? 529 : 500, "server_error", "It broke in the middle.")
    let name = dialect == .messages ? "event: error\n" : ""
    return Array("\(name)data: ".utf8) + body + [10, 10]
  }

  /// The faults in the middle of a stream.
  private func breakOff(_ write: ([UInt8]) async throws -> Void) async throws {
    switch script.fault {
    case .cut: throw ScriptedDisconnect()
    case .stall: try await EventLoop.sleep(for: .seconds(3600))
    case .errorEvent:
      try await write(failure())
      throw ScriptedDisconnect()
    default: return
    }
  }
}
