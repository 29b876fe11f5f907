import Contracts
import GatewayEvents
import HTTP
import HTTPWire
import JSON
import Primitives
import Reactor
import ReactorTestKit
import Synchronization
import Telemetry
import Testing

/// The readers of a feed behind a real server.
@Suite struct RunFeedTests {
  /// A feed, and how often tasks of its readers were woken.
  private final class Feed: Sendable {
    let feed: RunFeed
    private let counts = Mutex((wakes: 0, begun: 0, left: 0))

    init() {
      let key = RunFeed.Key(tenant: TenantID(UUID(high: 1, low: 1)), run: RunID(UUID(high: 2, low: 1)))
      feed = RunFeed(key, after: 0)
    }

    var wakes: Int { counts.withLock { $0.wakes } }
    var begun: Int { counts.withLock { $0.begun } }
    var left: Int { counts.withLock { $0.left } }

    func publish(_ sequences: ClosedRange<Int>, type: String = "step.started", bytes: Int = 0) throws {
      feed.publish(try sequences.map { try event($0, type, bytes) })
    }

    private func event(_ sequence: Int, _ type: String, _ bytes: Int) throws -> RunEvent {
      let filling = String(repeating: "x", count: bytes)
      let text = "{\"seq\":\(sequence),\"type\":\"\(type)\",\"step\":\"s\(sequence % 2)\",\"data\":\"\(filling)\"}"
      return try #require(RunEvent(JSONDocument(parsing: Array(text.utf8)).root))
    }

    /// As the streams of the gateway do it.
    func follow(after: Int64, _ filter: RunEventFilter, _ writer: inout HTTPResponseWriter) async throws {
      let loop = try #require(EventLoop.current)
      feed.join()
      let member = FeedMember(after: after, filter: filter, outlet: writer.outlet)
      defer {
        feed.forget(member, on: loop)
        _ = feed.leave()
        counts.withLock { $0.left += 1 }
      }
      while true {
        switch feed.read(for: member, on: loop) {
        case .events(let events):
          for event in events {
            member.position = event.sequence
            if filter.includes(event) { try await writer.write(event.piece) }
            if event.isEnd { return }
          }
        case .wait(let promise):
          counts.withLock { $0.begun += 1 }
          try await promise.value()
          counts.withLock { $0.wakes += 1 }
        case .gone: return try await writer.write(Array("gone\n\n".utf8))
        case .over: return try await writer.write(Array("over\n\n".utf8))
        }
      }
    }

    func until(_ condition: () -> Bool) async throws {
      while !condition() { try await EventLoop.sleep(for: .milliseconds(5)) }
    }
  }

  /// A server with the feed at `/feed`.
  private static func run(_ feed: Feed, _ body: @escaping @Sendable (Int) async throws -> Void) async throws {
    let group = EventLoopGroup(count: 2)
    var router = Router()
    router.on(.get, "/feed") { request in
      let query = try request.query()
      let after = query["after"].flatMap { Int64($0) } ?? 0
      let filter = RunEventFilter(query)
      return .events { writer in try await feed.follow(after: after, filter, &writer) }
    }
    let server = HTTPServer(
      group: group, configuration: HTTPServerConfiguration(address: .host("127.0.0.1", port: 0)), router: router,
      telemetry: .disabled())
    let port = try await server.start()
    let result = await group.loops[0].task { try await body(port) }.result
    await server.stop(grace: .milliseconds(200))
    group.stop()
    try result.get()
  }

  private func open(_ port: Int, _ query: String = "", version: String = "1.1") async throws -> PeerSocket {
    let peer = try await PeerSocket.connect(to: port)
    peer.write("GET /feed\(query) HTTP/\(version)\r\nHost: x\r\nConnection: close\r\n\r\n")
    return peer
  }

  /// All that comes, without the head; of chunks only what is in them.
  private func rest(_ peer: PeerSocket, isChunked: Bool = true) async throws -> String {
    while try await peer.fill() {}
    let bytes = [UInt8](peer.input.readable)
    peer.close()
    func line(from start: Int) -> Int? { (start..<bytes.count - 1).first { bytes[$0] == 13 && bytes[$0 + 1] == 10 } }
    var start = 0
    while let end = line(from: start), end > start { start = end + 2 }
    start += 2
    guard isChunked else { return String(decoding: bytes[start...], as: UTF8.self) }
    var body: [UInt8] = []
    while let end = line(from: start), let count = Int(String(decoding: bytes[start..<end], as: UTF8.self), radix: 16) {
      let piece = bytes[(end + 2)...].prefix(count)
      body += piece
      #expect(Array(bytes[piece.endIndex...].prefix(2)) == [13, 10])
      start = piece.endIndex + 2
      if count == 0 { break }
    }
    #expect(start == bytes.count, "the body is not complete")
    return String(decoding: body, as: UTF8.self)
  }

  private func sequences(_ text: String) -> [Int] {
    text.split(separator: "\n").filter { $0.hasPrefix("id: ") }.compactMap { Int($0.dropFirst(4)) }
  }

  @Test func `readers who wait get everything once and in order, and no task is woken before the end`() async throws {
    let feed = Feed()
    try await RunFeedTests.run(feed) { port in
      let all = try await open(port)
      let older = try await open(port, version: "1.0")
      let some = try await open(port, "?step=s1")
      let ahead = try await open(port, "?after=4")
      try await feed.until { feed.begun == 4 }
      try feed.publish(1...1)
      try feed.publish(2...3)
      try feed.publish(4...9)
      // Whatever is published again is known.
      try feed.publish(8...9)
      try await EventLoop.sleep(for: .milliseconds(50))
      #expect(feed.wakes == 0)
      try feed.publish(10...10, type: "run.succeeded")
      #expect(sequences(try await rest(all)) == Array(1...10))
      #expect(sequences(try await rest(older, isChunked: false)) == Array(1...10))
      #expect(sequences(try await rest(some)) == [1, 3, 5, 7, 9])
      #expect(sequences(try await rest(ahead)) == Array(5...10))
      #expect(feed.wakes == 4)
    }
  }

  @Test func `who takes nothing gets what there is room for, then that it has lagged, and never a gap`() async throws {
    let feed = Feed()
    try await RunFeedTests.run(feed) { port in
      let slow = try await open(port)
      let quick = try await open(port)
      try await feed.until { feed.begun == 2 }
      let reading = Mutex("")
      let loop = try #require(EventLoop.current)
      let task = loop.task { [self] in
        let text = try await rest(quick)
        reading.withLock { $0 = text }
      }
      for number in stride(from: 1, through: 3000, by: 3) {
        try feed.publish(number...number + 2, bytes: 4000)
        if number % 60 == 1 { try await EventLoop.sleep(for: .milliseconds(2)) }
      }
      feed.feed.end()
      let text = try await rest(slow)
      let seen = sequences(text)
      #expect(seen == Array(1...max(1, seen.count)))
      #expect(seen.count < 3000)
      #expect(text.hasSuffix("gone\n\n"))
      try await task.value
      let others = sequences(reading.withLock { $0 })
      #expect(others == Array(1...max(1, others.count)))
    }
  }

  @Test func `readers who leave are forgotten, and the others read on`() async throws {
    let feed = Feed()
    try await RunFeedTests.run(feed) { port in
      var peers: [PeerSocket] = []
      for _ in 0..<20 { peers.append(try await open(port)) }
      try await feed.until { feed.begun == 20 }
      try feed.publish(1...2)
      for index in stride(from: 0, to: 20, by: 2) { peers[index].close() }
      try await feed.until { feed.left == 10 }
      try feed.publish(3...5)
      feed.feed.end()
      for index in stride(from: 1, to: 20, by: 2) {
        let text = try await rest(peers[index])
        #expect(sequences(text) == Array(1...5))
        #expect(text.hasSuffix("over\n\n"))
      }
      #expect(feed.left == 20)
    }
  }
}
