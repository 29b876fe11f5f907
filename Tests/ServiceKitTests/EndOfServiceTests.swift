import HTTP
import HTTPWire
import Reactor
import ReactorTestKit
import Settings
import Telemetry
import Testing

@testable import ServiceKit

/// What clients see of a service that is asked to end.
@Suite struct EndOfServiceTests {
  private final class Plain: Service {
    static let program = ProgramDescription(name: "test", summary: "A test.", version: "0")
    static let defaultPort = 0
    static let settings: [any SettingDeclaration] = []

    init(_ context: ServiceContext) {}

    func route(_ router: inout Router) { router.on(.get, "/") { _ in .text(.ok, "served") } }
  }

  private static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

  /// Sends a request and returns the answer up to its body.
  private static func ask(_ socket: PeerSocket) async throws -> String {
    socket.write(request)
    while true {
      let text = String(decoding: socket.input.readable, as: UTF8.self)
      if text.hasSuffix("served") {
        socket.input.consume(socket.input.count)
        return text
      }
      guard try await socket.fill() else { return text }
    }
  }

  @Test func `within the delay connections are served and told that they end, and new ones are taken`() async throws {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let context = try ServiceContext.forTests(group, ["shutdown.delay_ms": "3000"])
    let lifecycle = ServiceLifecycle(service: Plain(context), context: context, connectionsMax: 16)
    try await group.loops[0].task {
      let export = TelemetryExport([], logger: context.telemetry.logger)
      let ports = try await lifecycle.start(port: 0, adminPort: 0, export: export)
      let kept = try await PeerSocket.connect(to: ports.service)
      #expect(try await !Self.ask(kept).lowercased().contains("connection: close"))
      let ending = group.loops[0].task { await lifecycle.stop(export: export) }
      // Not ready from the first moment on, to whoever asks.
      let url = try HTTPURL("http://127.0.0.1:\(ports.admin)/readyz")
      var ready = HTTPStatus.ok
      while ready == .ok {
        ready = try await context.client.send(HTTPClientRequest(.get, url, timeout: .seconds(60)), peer: "test").status
      }
      #expect(ready == .serviceUnavailable)
      #expect(try await Self.ask(kept).lowercased().contains("connection: close"))
      let fresh = try await PeerSocket.connect(to: ports.service)
      #expect(try await Self.ask(fresh).lowercased().contains("connection: close"))
      _ = await ending.result
      #expect(try await !fresh.fill())
    }.value
  }
}
