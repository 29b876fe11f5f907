internal import Crypto
public import HTTPWire
internal import Primitives
internal import Reactor

/// A connection that has left HTTP after a 101. Whoever is given it is its only user.
public struct UpgradedConnection: ~Copyable, Sendable {
  let connection: ServerConnection
  let reader: StreamReader

  /// The connection as an answer that somebody else may end.
  public var answer: SentAnswer { SentAnswer(connection: connection) }
}

/// A WebSocket seen from the server. One task receives, and a second one that tries gets an error; sending may happen
/// from anywhere on the loop.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
public final class WebSocket: @unchecked Sendable {
  private let connection: ServerConnection
  /// Here unless somebody receives.
  private var reader: StreamReader?
  private var receiver: WebSocketReceiver
  private var arrived: [WebSocketEvent] = []
  private var sentClose = false

  init(_ upgraded: consuming UpgradedConnection, messageBytesMax: Int) {
    connection = upgraded.connection
    reader = .some(upgraded.reader)
    receiver = WebSocketReceiver(expectsMask: true, messageBytesMax: messageBytesMax)
  }

  /// The next message; `nil` when the peer has closed. Pings are answered. A violation closes with its code.
  public func receive() async throws -> WebSocketEvent? {
    guard var reader = reader.take() else { throw ReactorError(.busy, operation: "WebSocket") }
    let result: Result<WebSocketEvent?, any Error>
    do { result = .success(try await next(&reader)) } catch { result = .failure(error) }
    self.reader = consume reader
    return try result.get()
  }

  private func next(_ reader: inout StreamReader) async throws -> WebSocketEvent? {
    while true {
      if !arrived.isEmpty {
        switch arrived.removeFirst() {
        case .ping(let bytes):
          send(.pong, bytes)
          // Who sends pings without reading the answers is read no further.
          try await drained()
        case .pong: continue
        case .close(let code):
          close(code: code)
          return nil
        case let message: return message
        }
        continue
      }
      if reader.input.isEmpty {
        guard try await reader.fill() else { return nil }
      }
      do throws(WebSocketViolation) {
        arrived = try receiver.feed(reader.input.readable)
        reader.input.consume(reader.input.count)
      } catch {
        reader.input.consume(reader.input.count)
        close(code: error.code)
        return nil
      }
    }
  }

  /// Sends a text message; waits while the peer is slow. Throws `ReactorError` when it is gone or stalled.
  public func send(text: String) async throws {
    send(.text, Array(text.utf8))
    try await drained()
  }

  /// Sends a text message of UTF-8; waits while the peer is slow. Throws `ReactorError` when it is gone or stalled.
  public func send(text: [UInt8]) async throws {
    send(.text, text)
    try await drained()
  }

  /// Sends a ping, so that nobody on the way takes the connection for dead. Throws `ReactorError` when the peer is gone
  /// or stalled.
  public func ping() async throws {
    send(.ping, [])
    try await drained()
  }

  /// Sends a binary message; waits while the peer is slow. Throws `ReactorError` when it is gone or stalled.
  public func send(binary: [UInt8]) async throws {
    send(.binary, binary)
    try await drained()
  }

  /// Sends a close frame, once.
  public func close(code: UInt16 = 1000) {
    guard !sentClose else { return }
    sentClose = true
    var bytes: [UInt8] = []
    WebSocketEncoder.appendClose(code: code, to: &bytes)
    connection.writer.write(bytes)
  }

  private func send(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
    guard !sentClose else { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(payload.count + 10)
    WebSocketEncoder.append(opcode, payload, to: &bytes)
    connection.writer.write(bytes)
  }

  private func drained() async throws {
    if let failure = connection.writer.failure { throw failure }
    connection.writer.watchProgress()
    guard connection.socket.unsentCount > StreamSocket.outputBytesMax else { return }
    try await connection.writer.drained()
  }
}

extension HTTPResponse {
  /// Answers a WebSocket handshake and runs `serve` on the connection. Throws a `Problem` when the request is none.
  public static func webSocket(
    for request: HTTPRequest, messageBytesMax: Int = 1 << 20,
    _ serve: @escaping @Sendable (WebSocket) async throws -> Void
  ) throws(Problem) -> HTTPResponse {
    let accept: String
    do {
      accept = try WebSocketHandshake.accept(request.head) { Digest.sha1($0) }
    } catch {
      var headers = HTTPHeaders()
      if error.status == .upgradeRequired { headers.append("sec-websocket-version", "13") }
      throw Problem(error.status, code: error.code.rawValue, error.message, headers: headers)
    }
    var response = HTTPResponse(
      .switchingProtocols,
      body: .upgrade { upgraded in
        let webSocket = WebSocket(upgraded, messageBytesMax: messageBytesMax)
        try? await serve(webSocket)
        webSocket.close()
      })
    response.headers.append(.upgrade, "websocket")
    response.headers.append(.secWebSocketAccept, accept)
    return response
  }
}
