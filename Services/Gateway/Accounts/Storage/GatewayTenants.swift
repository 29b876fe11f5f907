package import Tenancy

/// All that the gateway has of a tenant in its schema.
package enum GatewayTenants {
  /// The name under which exports and answers list it.
  package static let service = "gateway"

  /// Every table with rows of tenants, in the order in which they are deleted: what gives rights first. Hashes of
  /// secrets are for nobody. The chain of the audit log loses its end before its entries, so that none is added again.
  /// `tenant` and `tenant_service` keep the id, the times and the proof. A test compares them with the schema.
  package static let tables: [TenantTable] = [
    TenantTable("invitation", keys: [.init("t.id", "uuid")], hidden: ["hash", "hash_secret"]),
    TenantTable(
      "api_key", keys: [.init("t.id", "uuid")],
      hidden: ["hash", "hash_secret", "previous_hash", "previous_hash_secret"]),
    TenantTable("service_account", keys: [.init("t.id", "uuid")]),
    TenantTable("user_account", keys: [.init("t.id", "uuid")], hidden: ["password_hash", "second_factor"]),
    // Copies of answers for repeated requests, for a day; some show a secret once.
    TenantTable("answer", keys: []),
    TenantTable("policy_data", keys: [.init("t.tenant_id", "uuid")]),
    TenantTable("audit_head", keys: [.init("t.tenant_id", "uuid")]),
    TenantTable("audit_entry", keys: [.init("t.sequence", "int8")]),
  ]
}
