package import Contracts
package import Decider
internal import Postgres
internal import Primitives

/// The table of payloads: bytes that are stored once under their digest.
extension RunStore {
  /// Payloads by their digests; what is not there is missing in the answer.
  package func payloads(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws -> [String: [UInt8]] {
    guard !payloads.isEmpty else { return [:] }
    let digests = payloads.compactMap { Hex.decode($0.sha256) }
    var bodies: [String: [UInt8]] = [:]
    let rows = try await pool.query(
      "select sha256, body from payload where tenant_id = $1 and sha256 = any($2)", [tenant.uuid, digests])
    for row in rows { bodies[Hex.encode(try row.decode(0, as: [UInt8].self))] = try row.decode(1, as: [UInt8].self) }
    return bodies
  }

  /// The digests among `digests` that are stored.
  package func stored(_ tenant: TenantID, _ digests: [String]) async throws -> Set<String> {
    let rows = try await pool.query(
      "select sha256 from payload where tenant_id = $1 and sha256 = any($2)",
      [tenant.uuid, digests.compactMap { Hex.decode($0) }])
    return Set(try rows.map { Hex.encode(try $0.decode(0, as: [UInt8].self)) })
  }

  /// Marks payloads as used now, so that they outlive the run that stored them.
  package func touch(_ tenant: TenantID, _ payloads: [PayloadRef]) async throws {
    let digests = Set(payloads).compactMap { Hex.decode($0.sha256) }
    guard !digests.isEmpty else { return }
    _ = try await pool.query(
      """
      update payload set used_at = now() where tenant_id = $1 and sha256 = any($2)
        and used_at < now() - interval '12 hours'
      """, [tenant.uuid, digests])
  }
}
