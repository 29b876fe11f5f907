internal import Crypto
public import HTTPWire
internal import Primitives
internal import Reactor

/// A connection that has left HTTP after a 101.
public struct UpgradedConnection: Sendable {
  let socket: StreamSocket
}

/// A WebSocket seen from the server. One task receives; sending may happen from anywhere on the loop.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
public final class WebSocket: @unchecked Sendable {
  private static let stallNanosecondsMax: UInt64 = 30_000_000_000

  private let socket: StreamSocket
  private var receiver: WebSocketReceiver
  private var arrived: [WebSocketEvent] = []
  private var sentClose = false

  init(_ socket: StreamSocket, messageBytesMax: Int) {
    self.socket = socket
    receiver = WebSocketReceiver(expectsMask: true, messageBytesMax: messageBytesMax)
  }

  /// The next message; `nil` when the peer has closed. Pings are answered. A violation closes with its code.
  public func receive() async throws -> WebSocketEvent? {
    while true {
      if !arrived.isEmpty {
        switch arrived.removeFirst() {
        case .ping(let bytes): send(.pong, bytes)
        case .pong: continue
        case .close(let code):
          close(code: code)
          return nil
        case let message: return message
        }
        continue
      }
      if socket.input.isEmpty {
        guard try await socket.fill() else { return nil }
      }
      do throws(WebSocketViolation) {
        arrived = try receiver.feed(socket.input.readable)
        socket.input.consume(socket.input.count)
      } catch {
        socket.input.consume(socket.input.count)
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
    socket.write(bytes)
  }

  private func send(_ opcode: WebSocketOpcode, _ payload: [UInt8]) {
    guard !sentClose else { return }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(payload.count + 10)
    WebSocketEncoder.append(opcode, payload, to: &bytes)
    socket.write(bytes)
  }

  private func drained() async throws {
    if let failure = socket.failure { throw failure }
    guard socket.output.count > StreamSocket.outputBytesMax else { return }
    socket.deadline = socket.loop.now + WebSocket.stallNanosecondsMax
    try await socket.drained()
    socket.deadline = 0
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
      body: .upgrade { connection in
        let webSocket = WebSocket(connection.socket, messageBytesMax: messageBytesMax)
        try? await serve(webSocket)
        webSocket.close()
      })
    response.headers.append(.upgrade, "websocket")
    response.headers.append(.secWebSocketAccept, accept)
    return response
  }
}
