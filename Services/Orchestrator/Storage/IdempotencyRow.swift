package import Contracts
internal import Postgres

/// The request that an idempotency key was used for.
package struct IdempotencyRow: Sendable {
  package let tenant: TenantID
  package let key: String
  package let requestSHA256: [UInt8]
  package let task: TaskID
  package let run: RunID

  package init(tenant: TenantID, key: String, requestSHA256: [UInt8], task: TaskID, run: RunID) {
    self.tenant = tenant
    self.key = key
    self.requestSHA256 = requestSHA256
    self.task = task
    self.run = run
  }

  static let columns = ResultColumns<IdempotencyRow> { column in
    let tenant = column("tenant_id", .uuid)
    let key = column("key", .text)
    let sha256 = column("request_sha256", .bytea)
    let task = column("task_id", .uuid)
    let run = column("run_id", .uuid)
    return { row in
      IdempotencyRow(
        tenant: TenantID(try row[tenant]), key: try row[key], requestSHA256: try row[sha256],
        task: TaskID(try row[task]), run: RunID(try row[run]))
    }
  }
}
