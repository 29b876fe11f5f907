package import Contracts
package import Decider
internal import Postgres
internal import Primitives

/// The table of payloads: bytes that are stored once under their digest.
extension RunStore {
  typealias Digests = (tenant: TenantID, digests: [[UInt8]])

  /// Payloads by their digests; what is not there is missing in the answer.
  package func payloads(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws -> [String: [UInt8]] {
    guard !payloads.isEmpty else { return [:] }
    let rows = try await pool.query(RunStore.readPayloads, (tenant, payloads.compactMap { Hex.decode($0.sha256) }))
    return Dictionary(rows.map { ($0.sha256, $0.body) }) { $1 }
  }

  private static let payload = ResultColumns<(sha256: String, body: [UInt8])> { column in
    let sha256 = column("sha256", .bytea)
    let body = column("body", .bytea)
    return { row in (Hex.encode(try row[sha256]), try row[body]) }
  }

  static let readPayloads = Statement<Digests, (sha256: String, body: [UInt8])>(payload) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let digests = parameter.array("digests", of: .bytea) { $0.digests }
    return "select \(payload) from payload where tenant_id = \(tenant) and sha256 = any(\(digests))"
  }

  /// The digests among `digests` that are stored.
  package func stored(_ tenant: TenantID, _ digests: [String]) async throws -> Set<String> {
    Set(try await pool.query(RunStore.findPayloads, (tenant, digests.compactMap { Hex.decode($0) })))
  }

  private static let digest = ResultColumns<String> { column in
    let sha256 = column("sha256", .bytea)
    return { row in Hex.encode(try row[sha256]) }
  }

  static let findPayloads = Statement<Digests, String>(digest) { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let digests = parameter.array("digests", of: .bytea) { $0.digests }
    return "select \(digest) from payload where tenant_id = \(tenant) and sha256 = any(\(digests))"
  }

  /// Marks payloads as used now, so that they outlive the run that stored them.
  package func touch(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws {
    let digests = Set(payloads).compactMap { Hex.decode($0.sha256) }
    guard !digests.isEmpty else { return }
    try await pool.execute(RunStore.touchPayloads, (tenant, digests))
  }

  static let touchPayloads = Statement<Digests, Void> { parameter in
    let tenant = parameter("tenant", .uuid) { $0.tenant.uuid }
    let digests = parameter.array("digests", of: .bytea) { $0.digests }
    return """
      update payload set used_at = now() where tenant_id = \(tenant) and sha256 = any(\(digests))
        and used_at < now() - interval '12 hours'
      """
  }
}
