import Foundation
import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Telemetry
import Testing

@Suite struct HTTPClientTests {
  private func withClient(
    _ body: @escaping @Sendable (HTTPClient, ServerFixture) async throws -> Void
  ) async throws {
    try await ServerFixture.run { server in
      let client = HTTPClient(group: server.group, telemetry: .disabled())
      try await body(client, server)
      await client.close(group: server.group)
    }
  }

  @Test func `requests of every body kind come back whole on one connection`() async throws {
    try await withClient { client, server in
      let url = try HTTPURL("http://127.0.0.1:\(server.port)/echo")
      let big = (0..<300_000).map { UInt8(truncatingIfNeeded: 97 + $0 % 26) }
      for _ in 0..<20 {
        let whole = try await client.send(HTTPClientRequest(.post, url, body: .bytes(big)), peer: "t")
        #expect(try await whole.body.collect(upTo: 1 << 20) == big)
        var pieces = [Array(big[..<100_000]), [], Array(big[100_000...])][...]
        let source = Pieces(pieces.map { $0 })
        pieces = []
        let streamed = try await client.send(
          HTTPClientRequest(.post, url, body: .stream(length: nil) { source.next() }), peer: "t")
        #expect(try await streamed.body.collect(upTo: 1 << 20) == big)
      }
    }
  }

  @Test func `a chunked answer is read, a broken one is an error, a large one is refused`() async throws {
    try await withClient { client, server in
      func get(_ path: String) async throws -> HTTPClientResponse {
        let url = try HTTPURL("http://127.0.0.1:\(server.port)\(path)")
        return try await client.send(HTTPClientRequest(.get, url), peer: "t")
      }
      let stream = try await get("/stream")
      #expect(try await stream.body.collect(upTo: 100) == Array("abcdef".utf8))
      let cut = try await get("/cut")
      await #expect(throws: HTTPClientError.self) { try await cut.body.collect(upTo: 100) }
      let large = try await get("/stream")
      await #expect(throws: HTTPClientError.self) { try await large.body.collect(upTo: 3) }
      let after = try await get("/hello")
      #expect(try await after.body.collect(upTo: 10) == Array("hi".utf8))
    }
  }

  @Test func `nobody there, silence, and garbage are told apart`() async throws {
    try await withClient { client, server in
      func code(_ port: Int, _ timeout: Duration) async -> HTTPClientError.Code? {
        do {
          let url = try HTTPURL("http://127.0.0.1:\(port)/")
          _ = try await client.send(HTTPClientRequest(.get, url, timeout: timeout), peer: "t")
          return nil
        } catch { return (error as? HTTPClientError)?.code }
      }
      let silent = try Listener(on: server.group.loops[0], address: .host("127.0.0.1", port: 0)) { _ in }
      let garbage = try Listener(on: server.group.loops[0], address: .host("127.0.0.1", port: 0)) { fd in
        let loop = server.group.loops[0]
        guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
        socket.write(Array("SSH-2.0-OpenSSH_9\r\n\r\n".utf8))
        loop.task {
          try await EventLoop.sleep(for: .seconds(1))
          socket.close()
        }
      }
      #expect(await code(silent.port, .milliseconds(80)) == .timedOut)
      #expect(await code(garbage.port, .seconds(5)) == .protocolViolation)
      silent.close()
      // A port that was free a moment ago may be another test's by now; nobody listens on this one.
      #expect(await code(1, .seconds(5)) == .cannotConnect)
      garbage.close()
    }
  }

  @Test func `a cancelled call ends at once and its connection is not used again`() async throws {
    try await withClient { client, server in
      let silent = try Listener(on: server.group.loops[0], address: .host("127.0.0.1", port: 0)) { _ in }
      let url = try HTTPURL("http://127.0.0.1:\(silent.port)/")
      let call = server.group.loops[0].task {
        try await client.send(HTTPClientRequest(.get, url, timeout: .seconds(60)), peer: "t").status
      }
      try await EventLoop.sleep(for: .milliseconds(20))
      call.cancel()
      await #expect(throws: CancellationError.self) { try await call.value }
      silent.close()
    }
  }

  @Test func `an abandoned answer of libcurl fails for whoever waits, and for whoever asks later`() async throws {
    try await withClient { client, server in
      let loop = server.group.loops[0]
      let half = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
        guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
        socket.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8))
        // Only whoever gives up the exchange ends the connection before.
        loop.task {
          try await EventLoop.sleep(for: .seconds(30))
          socket.close()
        }
      }
      // What is pinned to an address goes through libcurl.
      var request = HTTPClientRequest(
        .get, try HTTPURL("http://half.test:\(half.port)/"), timeout: .seconds(5), pauseMax: .seconds(2))
      request.pinnedAddress = "127.0.0.1"
      let asked = request
      let codes = try await loop.task {
        let answer = try await client.send(asked, peer: "t")
        #expect(try await answer.body.next() == Array("abc".utf8))
        @Sendable func code() async -> HTTPClientError.Code? {
          do {
            _ = try await answer.body.next()
            return nil
          } catch { return (error as? HTTPClientError)?.code }
        }
        let waiting = loop.task { await code() }
        // Until it waits.
        try await EventLoop.sleep(for: .milliseconds(20))
        answer.body.abandon()
        let first = try await waiting.value
        return [first, await code()]
      }.value
      #expect(codes == [.connectionLost, .connectionLost])
      half.close()
    }
  }

  /// Field names may hold a slash for libcurl; lengths and types must not be lost behind one.
  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\nx-first: a\r\nHTTP/1.1 200 OK: x\r\nx-last: b\r\ncontent-length: 2\r\n\r\nhi", "a", "b"),
    ("HTTP/1.1 200 OK\r\nx-first: a\r\nHTTP/x: y\r\nx-last: b\r\ncontent-length: 2\r\n\r\nhi", "a", "b"),
    (
      "HTTP/1.1 103 Early\r\nx-first: early\r\n\r\nHTTP/1.1 200 OK\r\nx-last: b\r\ncontent-length: 2\r\n\r\nhi", nil,
      "b"
    ),
    (
      "HTTP/1.1 200 OK\r\nx-first: a\r\nx-last: b\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n"
        + "HTTP/1.1 200 OK: x\r\nx-first: trailer\r\nx-trailer: t\r\n\r\n", "a", "b"
    ),
  ])
  func `a field that looks like a status line takes nothing away, and trailers add nothing`(
    _ bytes: String, _ first: String?, _ last: String
  ) async throws {
    try await withClient { client, server in
      let loop = server.group.loops[0]
      let hostile = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
        guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
        socket.write(Array(bytes.utf8))
        socket.closeWhenFlushed()
      }
      var request = HTTPClientRequest(.get, try HTTPURL("http://hostile.test:\(hostile.port)/"), timeout: .seconds(60))
      request.pinnedAddress = "127.0.0.1"
      let asked = request
      try await loop.task {
        let answer = try await client.send(asked, peer: "t")
        #expect(answer.status == .ok)
        #expect(answer.headers["x-first"] == first && answer.headers["x-last"] == last, "\(answer.headers)")
        #expect(!answer.headers.contains("x-trailer"))
        #expect(try await answer.body.collect(upTo: 10) == Array("hi".utf8))
      }.value
      hostile.close()
    }
  }

  @Test func `a deadline that is over counts, also where bytes are there`() async throws {
    try await withClient { client, server in
      let loop = server.group.loops[0]
      let half = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
        guard let socket = PeerSocket(adopting: fd, on: loop) else { return }
        socket.write(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8))
        loop.task {
          try await EventLoop.sleep(for: .seconds(30))
          socket.close()
        }
      }
      var request = HTTPClientRequest(
        .get, try HTTPURL("http://half.test:\(half.port)/"), timeout: .seconds(5), pauseMax: .seconds(2))
      request.pinnedAddress = "127.0.0.1"
      let asked = request
      let code = try await loop.task { () -> HTTPClientError.Code? in
        let answer = try await client.send(asked, peer: "t")
        do {
          _ = try await answer.body.next(before: 1)
          return nil
        } catch { return (error as? HTTPClientError)?.code }
      }.value
      #expect(code == .timedOut)
      half.close()
    }
  }

  @Test func `a kept connection that the server has closed is replaced without an error`() async throws {
    try await ServerFixture.run {
      $0.idleTimeout = .milliseconds(60)
    } _: { server in
      let client = HTTPClient(group: server.group, telemetry: .disabled())
      let url = try HTTPURL("http://127.0.0.1:\(server.port)/hello")
      for _ in 0..<4 {
        let answer = try await client.send(HTTPClientRequest(.get, url), peer: "t")
        #expect(try await answer.body.collect(upTo: 10) == Array("hi".utf8))
        try await EventLoop.sleep(for: .milliseconds(60))
      }
    }
  }

  @Test func `HTTPS is spoken by libcurl: bodies, streams and a certificate that nobody vouches for`() async throws {
    let tls = try TLSServer()
    defer { tls.stop() }
    let port = tls.port
    try await withClient { client, _ in
      let url = try HTTPURL("https://localhost:\(port)/echo")
      let body = Array("over TLS".utf8)
      let answer = try await client.send(HTTPClientRequest(.post, url, body: .bytes(body)), peer: "t")
      #expect(answer.status == .ok)
      #expect(answer.headers["x-server"] == "python")
      #expect(try await answer.body.collect(upTo: 100) == body)
      let source = Pieces([Array("one ".utf8), Array("two".utf8)])
      let streamed = try await client.send(
        HTTPClientRequest(.post, url, body: .stream(length: 7) { source.next() }), peer: "t")
      #expect(try await streamed.body.collect(upTo: 100) == Array("one two".utf8))
      let big = try await client.send(
        HTTPClientRequest(.get, try HTTPURL("https://localhost:\(port)/big")), peer: "t")
      #expect(try await big.body.collect(upTo: 8 << 20).count == 5 << 20)
      // The name of the certificate is localhost, not the address.
      let wrong = try HTTPURL("https://127.0.0.2:\(port)/echo")
      await #expect(throws: HTTPClientError.self) { try await client.send(HTTPClientRequest(.get, wrong), peer: "t") }
    }
  }
}

/// Pieces of a body, one at a time.
private final class Pieces: @unchecked Sendable {
  // @unchecked: pulled by one task.
  private var rest: [[UInt8]]
  var count = 0
  init(_ pieces: [[UInt8]]) { rest = pieces }
  func next() -> [UInt8]? { rest.isEmpty ? nil : rest.removeFirst() }
}

/// Python's own HTTPS server with a certificate made for the test; the process trusts it by SSL_CERT_FILE.
private final class TLSServer {
  let port: Int
  private let process = Process()
  private let folder: String

  init() throws {
    folder = NSTemporaryDirectory() + "cadre-tls-\(getpid())"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let make = Process()
    make.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
    make.arguments =
      "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout"
      .split(separator: " ").map(String.init) + [folder + "/key.pem", "-out", folder + "/cert.pem"]
    make.standardError = FileHandle.nullDevice
    try make.run()
    make.waitUntilExit()
    setenv("SSL_CERT_FILE", folder + "/cert.pem", 1)
    try TLSServer.script.write(toFile: folder + "/server.py", atomically: true, encoding: .utf8)
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", folder + "/server.py", folder]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
    port = Int(line.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
  }

  func stop() {
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static let script = """
    import http.server, ssl, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def reply(self, body):
            self.send_response(200)
            self.send_header("X-Server", "python")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        def do_GET(self):
            self.reply(b"x" * (5 << 20))
        def do_POST(self):
            self.reply(self.rfile.read(int(self.headers["Content-Length"])))
        def log_message(self, *arguments):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1] + "/cert.pem", sys.argv[1] + "/key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print(server.server_address[1], flush=True)
    server.serve_forever()
    """
}

@Suite struct RepetitionTests {
  /// A server that answers the first request of each connection and breaks off at the second one, having read it.
  private func withBreaker(
    _ body: @escaping @Sendable (HTTPClient, HTTPURL, EventLoop) async throws -> [Int]
  ) async throws {
    let group = EventLoopGroup(count: 1)
    try await group.onEach { loop in
      let seen = Pieces([])
      let listener = try Listener(on: loop, address: .host("127.0.0.1", port: 0)) { fd in
        guard let peer = PeerSocket(adopting: fd, on: loop) else { return }
        loop.task {
          var isFirst = true
          while try await peer.fill() {
            peer.input.consume(peer.input.count)
            seen.count += 1
            if !isFirst { break }
            isFirst = false
            peer.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
          }
          peer.close()
        }
      }
      let client = HTTPClient(group: group, telemetry: .disabled())
      let url = try HTTPURL("http://127.0.0.1:\(listener.port)/")
      let expected = try await body(client, url, loop)
      #expect([seen.count] == expected)
      listener.close()
    }
    group.stop()
  }

  private func post(_ client: HTTPClient, _ url: HTTPURL, idempotent: Bool) async throws -> [UInt8] {
    let answer = try await client.send(
      HTTPClientRequest(.post, url, body: .bytes([1, 2, 3]), isIdempotent: idempotent), peer: "t")
    return try await answer.body.collect(upTo: 10)
  }

  @Test func `what may have been received is repeated only where that is safe`() async throws {
    try await withBreaker { client, url, _ in
      _ = try await post(client, url, idempotent: false)
      // On the kept connection, which breaks after the request was read.
      do {
        _ = try await post(client, url, idempotent: false)
        Issue.record("the answer was lost")
      } catch let error as HTTPClientError {
        #expect(error.code == .connectionLost && error.outcomeUnknown)
      }
      return [2]
    }
    try await withBreaker { client, url, _ in
      _ = try await post(client, url, idempotent: true)
      #expect(try await post(client, url, idempotent: true) == Array("ok".utf8))
      return [3]
    }
  }
}
