internal import Foundation
public import LocalStack
public import Postgres
internal import Synchronization

/// A private Postgres cluster of a test process, which ends and goes with it.
public final class TestCluster: Sendable {
  private let folder: String
  private let schema: String
  private let running: Mutex<PrivatePostgres>

  /// Every cluster of the process: what is called at its end can capture nothing.
  private static let all = Mutex<[TestCluster]>([])
  private static let removal: Void = {
    atexit { for cluster in TestCluster.all.withLock({ $0 }) { cluster.remove() } }
  }()

  /// Starts a cluster. Its `name` stands in its folder's; `query` looks for names in `schema`.
  public init(_ name: String, schema: String = "public") throws {
    folder = "/tmp/cadre-\(name)-test-\(getpid())"
    self.schema = schema
    running = Mutex(try TestCluster.launch(folder))
    TestCluster.all.withLock { $0.append(self) }
    _ = TestCluster.removal
  }

  /// The server that runs now.
  public var server: PrivatePostgres { running.withLock { $0 } }

  /// Where the server listens, as libpq wants it.
  public var connectionString: String { server.connectionString }

  /// Kills the server. Its data stay.
  public func stop() { server.stop(isImmediate: true) }

  /// Starts the server again, with the same data.
  public func start() throws {
    let started = try TestCluster.launch(folder)
    running.withLock { $0 = started }
  }

  /// Makes the schema with these migrations, at once and without their journal. Call it once.
  public func makeSchema(_ migrations: [Migration]) throws {
    _ = try server.query("create schema \(schema); \(TenantRole.preparation(of: schema))")
    for migration in migrations {
      _ = try server.query("set search_path = \(schema); begin; \(migration.sql); commit")
    }
    _ = try server.query(TenantRole.grants(of: schema))
  }

  /// The last line of the answer of a statement of the owner.
  @discardableResult public func query(_ sql: String) throws -> String {
    try server.query("set search_path = \(schema); \(sql)").split(separator: "\n").last.map(String.init) ?? ""
  }

  private static func launch(_ folder: String) throws -> PrivatePostgres {
    try FileAccess.makeFolder(folder)
    return try PrivatePostgres(
      folder: folder + "/data", sockets: folder + "/s", log: folder + "/log", isThrowaway: true)
  }

  private func remove() {
    stop()
    try? FileManager.default.removeItem(atPath: folder)
  }
}
