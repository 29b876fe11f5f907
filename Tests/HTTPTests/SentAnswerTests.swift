import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Synchronization
import Testing

/// Answers that somebody else ends while they are sent.
@Suite struct SentAnswerTests {
  private struct Sent {
    var answers: [SentAnswer] = []
    var goesOn = false
    var isCancelled = false
  }

  /// A stream that begins, and goes on when the test lets it.
  private static func held(_ sent: Shared) -> (inout Router) -> Void {
    { router in
      router.on(.get, "/held") { _ in
        HTTPResponse(
          .ok,
          body: .stream(length: nil) { writer in
            let answer = writer.answer
            sent.change { $0.answers.append(answer) }
            try await writer.write(Array("begun".utf8))
            while !sent.value.goesOn {
              do { try await EventLoop.sleep(for: .milliseconds(2)) } catch {
                sent.change { $0.isCancelled = true }
                throw error
              }
            }
            try await writer.write(Array("done".utf8))
          })
      }
    }
  }

  private final class Shared: Sendable {
    private let state = Mutex(Sent())
    var value: Sent { state.withLock { $0 } }
    func change(_ body: (inout Sent) -> Void) { state.withLock { body(&$0) } }
  }

  /// Reads until the input holds a text; false when the connection ends before.
  private static func read(_ socket: PeerSocket, until text: String) async throws -> Bool {
    socket.deadline = socket.loop.now + 60 * 1_000_000_000
    while !String(decoding: socket.input.readable, as: UTF8.self).contains(text) {
      guard (try? await socket.fill()) ?? false else { return false }
    }
    socket.input.consume(socket.input.count)
    return true
  }

  private static let request = Array("GET /held HTTP/1.1\r\nHost: x\r\n\r\n".utf8)

  @Test func `an answer that is ended takes its connection and its producer with it`() async throws {
    let sent = Shared()
    try await ServerFixture.run(routes: Self.held(sent)) { server in
      let socket = try await server.connect()
      socket.write(Self.request)
      #expect(try await Self.read(socket, until: "begun"))
      for _ in 0..<3 { sent.value.answers[0].abort { true } }
      #expect(try await !Self.read(socket, until: "done"))
      while !sent.value.isCancelled { try await EventLoop.sleep(for: .milliseconds(2)) }
    }
  }

  @Test func `an answer that is over ends nothing: the connection has gone on with another request`() async throws {
    let sent = Shared()
    try await ServerFixture.run(routes: Self.held(sent)) { server in
      let socket = try await server.connect()
      socket.write(Self.request)
      #expect(try await Self.read(socket, until: "begun"))
      sent.change { $0.goesOn = true }
      #expect(try await Self.read(socket, until: "done\r\n0\r\n\r\n"))
      sent.change { $0.goesOn = false }
      socket.write(Self.request)
      #expect(try await Self.read(socket, until: "begun"))
      // Whoever looked has seen the first one open, and asks again on the loop of the connection.
      sent.value.answers[0].abort { false }
      sent.change { $0.goesOn = true }
      #expect(try await Self.read(socket, until: "done"))
    }
  }
}
