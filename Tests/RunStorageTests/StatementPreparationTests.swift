import PostgresTestKit
import Testing

@testable import RunStorage

/// The server accepts every statement on the schema that the migrations make: names and types are right, also in
/// statements that no other test runs.
@Suite struct StatementPreparationTests {
  @Test func `the server prepares every statement`() throws {
    let cluster = try TestCluster("storage", schema: OrchestratorSchema.name)
    defer { cluster.stop() }
    try cluster.makeSchema(OrchestratorSchema.migrations)
    for statement in DeclaredStatement.all {
      #expect(throws: Never.self, "\(statement.name)") { try statement.prepare(on: cluster) }
    }
  }
}
