package import Reactor

/// Both halves of a socket, for tests that play a peer.
///
/// `@unchecked Sendable`: used on the loop of its socket.
package final class PeerSocket: @unchecked Sendable {
  package let socket: StreamSocket
  private let writer: StreamWriter
  private var reader: StreamReader?
  /// What was received and not yet consumed.
  package var input = ByteBuffer()
  /// Until when reads wait.
  package var deadline = UInt64.max

  package var loop: EventLoop { socket.loop }
  package var isClosed: Bool { socket.isClosed }

  package init?(_ socket: StreamSocket) {
    guard let reader = socket.takeReader(), let writer = socket.takeWriter() else { return nil }
    self.socket = socket
    self.reader = consume reader
    self.writer = writer
  }

  package convenience init?(adopting fd: Int32, on loop: EventLoop) {
    guard let socket = try? StreamSocket(adopting: fd, on: loop) else { return nil }
    self.init(socket)
  }

  package static func connect(to port: Int) async throws -> PeerSocket {
    let socket = try await StreamSocket.connect(to: .host("127.0.0.1", port: port), deadline: .max)
    guard let peer = PeerSocket(socket) else { throw ReactorError(.closed, operation: "connect") }
    return peer
  }

  package func fill() async throws -> Bool {
    guard var reader = reader.take() else { throw ReactorError(.busy, operation: "read") }
    let result: Result<Bool, any Error>
    do { result = .success(try await reader.fill(until: deadline)) } catch { result = .failure(error) }
    input.append(reader.input.readable)
    reader.input.consume(reader.input.count)
    self.reader = consume reader
    return try result.get()
  }

  package func write(_ bytes: [UInt8]) { writer.write(bytes) }
  package func write(_ bytes: UnsafeRawBufferPointer) { writer.write(bytes) }
  package func write(_ text: String) { writer.write(Array(text.utf8)) }
  package func drained() async throws { try await writer.drained() }
  package func flushed() async throws { try await writer.flushed() }
  package func shutdownSending() { writer.shutdownSending() }
  package func fillPauses(with text: String, after pause: Duration) {
    writer.fillPauses(with: Array(text.utf8), after: pause)
  }
  package func endFilling() { writer.endFilling() }
  package func close() { socket.close() }
  package func closeWhenFlushed() { socket.closeWhenFlushed() }
}
