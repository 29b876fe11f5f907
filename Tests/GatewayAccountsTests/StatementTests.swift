import Foundation
import Postgres
import Testing

@testable import GatewayAccounts

extension AccountTests {
  /// The server accepts every statement on the schema that the migrations make, and texts and declarations agree.
  @Suite(.serialized) struct StatementTests {
    private struct Declared {
      let name: String
      let sql: String
      let faults: [String]

      init<Input, Row>(_ name: String, _ statement: Statement<Input, Row>) {
        self.name = name
        sql = statement.sql
        faults = statement.faults
      }
    }

    private static let all = [
      Declared("send", AccountChannel.send), Declared("find", TenantStore.find), Declared("list", TenantStore.list),
      Declared("insert", TenantStore.insert), Declared("change", TenantStore.change),
      Declared("lock", TenantStore.lock), Declared("find", UserStore.find), Declared("list", UserStore.list),
      Declared("update", UserStore.update), Declared("delete", UserStore.delete),
      Declared("findByEmail", UserStore.findByEmail), Declared("findAccount", UserStore.findAccount),
      Declared("updatePassword", UserStore.updatePassword),
      Declared("updateSecondFactor", UserStore.updateSecondFactor),
      Declared("updateSignIn", UserStore.updateSignIn), Declared("find", ServiceAccountStore.find),
      Declared("list", ServiceAccountStore.list), Declared("insert", ServiceAccountStore.insert),
      Declared("update", ServiceAccountStore.update), Declared("delete", ServiceAccountStore.delete),
      Declared("findStored", APIKeyStore.findStored), Declared("find", APIKeyStore.find),
      Declared("list", APIKeyStore.list), Declared("insert", APIKeyStore.insert),
      Declared("update", APIKeyStore.update), Declared("delete", APIKeyStore.delete),
      Declared("updateUses", APIKeyStore.updateUses), Declared("find", InvitationStore.find),
      Declared("findStored", InvitationStore.findStored), Declared("list", InvitationStore.list),
      Declared("insert", InvitationStore.insert), Declared("delete", InvitationStore.delete),
      Declared("take", InvitationStore.take), Declared("withdraw", InvitationStore.withdraw),
    ]

    @Test func `the server prepares every statement`() async throws {
      try await AccountsGateway.run { _ in
        let database = try AccountsDatabase.shared.get()
        for statement in Self.all {
          #expect(statement.faults == [], "\(statement.name)")
          #expect(throws: Never.self, "\(statement.name): \(statement.sql)") {
            try database.query("prepare s as \(statement.sql); deallocate s")
          }
        }
      }
    }

    /// A statement that is declared and not listed would not be checked.
    @Test func `every statement is checked`() throws {
      let declaration = try Regex(#"static let (\w+) = Statement\b"#)
      let folder = (#filePath as NSString).deletingLastPathComponent + "/../../Services/Gateway/Accounts/Storage"
      var declared: [String] = []
      for file in try FileManager.default.contentsOfDirectory(atPath: folder) where file.hasSuffix(".swift") {
        let text = try String(contentsOfFile: folder + "/" + file, encoding: .utf8)
        declared += try text.matches(of: declaration).map { String(try #require($0.output[1].substring)) }
      }
      #expect(declared.sorted() == Self.all.map(\.name).sorted())
    }

    /// Nothing of one tenant can refer to another's, and none of its names stands in the way of another's.
    @Test func `the tenant stands in every key`() async throws {
      try await AccountsGateway.run { _ in
        let without = try AccountsDatabase.shared.get().query(
          """
          select coalesce(string_agg(c.conname, ','), 'none') from pg_constraint c
          join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace
          where n.nspname = 'gateway' and c.contype in ('p', 'u') and t.relname <> 'schema_migrations'
            and not exists (select from pg_attribute a where a.attrelid = t.oid and a.attnum = any(c.conkey)
              and a.attname = 'tenant_id')
          """)
        #expect(without == "none")
      }
    }
  }
}
