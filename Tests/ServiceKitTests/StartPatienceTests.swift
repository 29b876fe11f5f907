import HTTP
import HTTPWire
import Reactor
import Settings
import Synchronization
import Telemetry
import Testing

@testable import ServiceKit

/// What happens to requests that come before a service is prepared.
@Suite struct StartPatienceTests {
  private struct NotYet: Error {}

  private final class Patient: Service {
    static let program = ProgramDescription(name: "test", summary: "A test.", version: "0")
    static let defaultPort = 0
    static let settings: [any SettingDeclaration] = []
    static let startPatience = Duration.seconds(120)
    private let attempts = Mutex(0)

    init(_ context: ServiceContext) {}

    func route(_ router: inout Router) { router.on(.get, "/") { _ in .text(.ok, "served") } }

    func prepare() async throws {
      let attempt = attempts.withLock { attempts in
        attempts += 1
        return attempts
      }
      if attempt < 3 { throw NotYet() }
    }
  }

  private final class Impatient: Service {
    static let program = Patient.program
    static let defaultPort = 0
    static let settings: [any SettingDeclaration] = []

    init(_ context: ServiceContext) {}

    func route(_ router: inout Router) { router.on(.get, "/") { _ in .text(.ok, "served") } }

    func prepare() async throws { throw NotYet() }
  }

  /// The answer to a request that is sent as soon as the service listens.
  private static func firstAnswer<S: Service>(_ service: S.Type) async throws -> (status: Int, text: String) {
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let context = try ServiceContext.forTests(group)
    let lifecycle = ServiceLifecycle(service: try S(context), context: context, connectionsMax: 16)
    return try await group.loops[0].task {
      let export = TelemetryExport([], logger: context.telemetry.logger)
      let ports = try await lifecycle.start(port: 0, adminPort: 0, export: export)
      let request = HTTPClientRequest(.get, try HTTPURL("http://127.0.0.1:\(ports.service)/"), timeout: .seconds(120))
      let response = try await context.client.send(request, peer: "test")
      let body = try await response.body.collect(upTo: 1 << 16)
      await lifecycle.stop(export: export)
      return (Int(response.status.code), String(decoding: body, as: UTF8.self))
    }.value
  }

  @Test func `a request waits for the end of the start where the service says so`() async throws {
    let answer = try await Self.firstAnswer(Patient.self)
    #expect(answer.status == 200 && answer.text == "served", "\(answer)")
  }

  @Test func `elsewhere it is refused at once, and may be sent to another replica`() async throws {
    let answer = try await Self.firstAnswer(Impatient.self)
    #expect(answer.status == 503 && answer.text.contains(#""code":"starting""#), "\(answer)")
  }
}
