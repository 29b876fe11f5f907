import Foundation
import PostgresTestKit
import Testing

@testable import GatewayAccounts

extension AccountTests {
  /// The server accepts every statement on the schema that the migrations make, and texts and declarations agree.
  @Suite(.serialized) struct StatementTests {
    private static let all = [
      DeclaredStatement("send", AccountChannel.send), DeclaredStatement("find", TenantStore.find),
      DeclaredStatement("list", TenantStore.list),
      DeclaredStatement("insert", TenantStore.insert), DeclaredStatement("change", TenantStore.change),
      DeclaredStatement("claimUnconfirmed", TenantStore.claimUnconfirmed),
      DeclaredStatement("countUnconfirmed", TenantStore.countUnconfirmed),
      DeclaredStatement("listProgress", TenantStore.listProgress),
      DeclaredStatement("noteOutcomes", TenantStore.noteOutcomes), DeclaredStatement("confirm", TenantStore.confirm),
      DeclaredStatement("requestDeletion", TenantStore.requestDeletion), DeclaredStatement("strip", TenantStore.strip),
      DeclaredStatement("lock", TenantStore.lock), DeclaredStatement("find", UserStore.find),
      DeclaredStatement("list", UserStore.list),
      DeclaredStatement("update", UserStore.update), DeclaredStatement("delete", UserStore.delete),
      DeclaredStatement("findByEmail", UserStore.findByEmail), DeclaredStatement("findAccount", UserStore.findAccount),
      DeclaredStatement("updatePassword", UserStore.updatePassword),
      DeclaredStatement("updateSecondFactor", UserStore.updateSecondFactor),
      DeclaredStatement("exchangeSecondFactor", UserStore.exchangeSecondFactor),
      DeclaredStatement("listSecondFactors", UserStore.listSecondFactors),
      DeclaredStatement("replaceSecondFactor", UserStore.replaceSecondFactor),
      DeclaredStatement("updateSignIn", UserStore.updateSignIn), DeclaredStatement("find", ServiceAccountStore.find),
      DeclaredStatement("list", ServiceAccountStore.list), DeclaredStatement("insert", ServiceAccountStore.insert),
      DeclaredStatement("update", ServiceAccountStore.update), DeclaredStatement("delete", ServiceAccountStore.delete),
      DeclaredStatement("findStored", APIKeyStore.findStored), DeclaredStatement("find", APIKeyStore.find),
      DeclaredStatement("list", APIKeyStore.list), DeclaredStatement("insert", APIKeyStore.insert),
      DeclaredStatement("update", APIKeyStore.update), DeclaredStatement("delete", APIKeyStore.delete),
      DeclaredStatement("updateUses", APIKeyStore.updateUses), DeclaredStatement("find", InvitationStore.find),
      DeclaredStatement("findStored", InvitationStore.findStored), DeclaredStatement("list", InvitationStore.list),
      DeclaredStatement("insert", InvitationStore.insert), DeclaredStatement("delete", InvitationStore.delete),
      DeclaredStatement("take", InvitationStore.take), DeclaredStatement("withdraw", InvitationStore.withdraw),
    ]

    @Test func `the server prepares every statement`() async throws {
      try await AccountsGateway.run { _ in
        let database = try AccountsDatabase.shared.get()
        for statement in Self.all {
          #expect(statement.faults == [], "\(statement.name)")
          #expect(throws: Never.self, "\(statement.name): \(statement.sql)") {
            try statement.prepare(on: database)
          }
        }
      }
    }

    /// A statement that is declared and not listed would not be checked.
    @Test func `every statement is checked`() throws {
      let folder = (#filePath as NSString).deletingLastPathComponent + "/../../Services/Gateway/Accounts/Storage"
      #expect(try DeclaredStatement.names(in: folder) == Self.all.map(\.name).sorted())
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
