import Foundation
import LocalStack
import Postgres
import Reactor
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum PostgresTests {}

/// One private cluster for the suite, with fresh pools for each test.
final class PostgresFixture: @unchecked Sendable {
  // @unchecked: the suite is serialized.
  static let shared = Result { try PostgresFixture() }

  private let folder = "/tmp/cadre-pgtest-\(getpid())"
  private(set) var server: PrivatePostgres

  private init() throws {
    server = try PostgresFixture.launch(folder)
    atexit {
      guard case .success(let fixture) = PostgresFixture.shared else { return }
      fixture.server.stop(isImmediate: true)
      try? FileManager.default.removeItem(atPath: fixture.folder)
    }
  }

  private static func launch(_ folder: String) throws -> PrivatePostgres {
    try FileAccess.makeFolder(folder)
    return try PrivatePostgres(
      folder: folder + "/data", sockets: folder + "/s", log: folder + "/log", isThrowaway: true)
  }

  func stop() { server.stop(isImmediate: true) }

  func start() throws { server = try PostgresFixture.launch(folder) }

  /// Runs `body` with a pool on one loop.
  func withPool(
    _ adjust: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: @escaping @Sendable (PostgresPool) async throws -> Void
  ) async throws {
    let group = EventLoopGroup(count: 1)
    var configuration = PostgresConfiguration(connectionString: server.connectionString)
    adjust(&configuration)
    let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
    let result = await group.loops[0].task {
      await pool.start()
      try await body(pool)
    }.result
    _ = await group.loops[0].task { await pool.close() }.result
    group.stop()
    try result.get()
  }
}

/// The error of a call that must fail.
func failure(_ body: () async throws -> Void) async -> PostgresError? {
  do {
    try await body()
    return nil
  } catch { return error as? PostgresError }
}
