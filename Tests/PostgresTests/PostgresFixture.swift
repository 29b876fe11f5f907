import LocalStack
import Postgres
import PostgresTestKit
import Reactor
import Telemetry
import Testing

/// Everything that needs the private cluster, one test after the other.
@Suite(.serialized) enum PostgresTests {}

/// One private cluster for the suite, with fresh pools for each test.
struct PostgresFixture: Sendable {
  static let shared = Result { PostgresFixture(cluster: try TestCluster("postgres")) }

  let cluster: TestCluster
  var server: PrivatePostgres { cluster.server }

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
