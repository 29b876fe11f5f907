import Foundation
import LocalStack
import Postgres
import Testing

@testable import RunStorage

/// The server accepts every statement on the schema that the migrations make: names and types are right, also in
/// statements that no other test runs.
@Suite(.serialized) struct StatementPreparationTests {
  @Test func `the server prepares every statement`() throws {
    let folder = "/tmp/cadre-storage-test-\(getpid())"
    try FileAccess.makeFolder(folder)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let server = try PrivatePostgres(
      folder: folder + "/data", sockets: folder + "/s", log: folder + "/log", isThrowaway: true)
    defer { server.stop(isImmediate: true) }
    let schema = OrchestratorSchema.name
    _ = try server.query("create schema \(schema); \(TenantRole.preparation(of: schema))")
    for migration in OrchestratorSchema.migrations {
      _ = try server.query("set search_path = \(schema); begin; \(migration.sql); commit")
    }
    for statement in DeclaredStatement.all {
      #expect(throws: Never.self, "\(statement.name)") {
        try server.query("set search_path = \(schema); prepare s as \(statement.sql); deallocate s")
      }
    }
  }
}
