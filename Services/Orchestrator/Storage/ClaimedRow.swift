internal import Contracts
internal import Postgres
internal import Primitives

/// A row of a claim's result: what the scan found, which every row repeats, and a step, if any was claimed.
struct ClaimedRow: Sendable {
  let scan: ScanSummary
  let step: LeasedStep?

  /// Of a claimed step `n` with its run `b`, its lease `l` and its input `p`.
  static func columns(_ summary: ResultColumns<ScanSummary>) -> ResultColumns<ClaimedRow> {
    ResultColumns { column in
      let step = column(nullable: "n.step_id", .uuid)
      let run = column("n.run_id", .uuid)
      let tenant = column("n.tenant_id", .uuid)
      let key = column("n.step", .text)
      let attempt = column("n.attempt", .int4)
      let token = column("n.token", .uuid)
      let deadline = column("l.deadline", .timestamptz)
      let version = column("(b.base + n.position)::int", .int4)
      let task = column("b.task_id", .uuid)
      let input = column(nullable: "p.body", .bytea)
      let traceparent = column(nullable: "b.traceparent", .text)
      let lease = column("n.lease_ms", .int8)
      let slot = column("n.slot", .int8)
      let waited = column("(extract(epoch from clock_timestamp() - n.queued_at) * 1000000)::int8", .int8)
      let lane = column("n.lane", .text)
      let jobType = column("n.job_type", .text)
      let scan = column.include(summary)
      return { row in
        let scan = try row[scan]
        guard let step = try row[step] else { return ClaimedRow(scan: scan, step: nil) }
        let leased = LeasedStep(
          step: StepID(step), run: RunID(try row[run]), tenant: TenantID(try row[tenant]), key: try row[key],
          attempt: Int(try row[attempt]), token: try row[token], deadline: try row[deadline],
          version: Int(try row[version]), task: TaskID(try row[task]), input: try row[input],
          traceparent: try row[traceparent], leaseMilliseconds: try row[lease],
          slot: Int(clamping: try row[slot]) - 1, waitedMicroseconds: try row[waited], lane: try row[lane],
          jobType: try row[jobType])
        return ClaimedRow(scan: scan, step: leased)
      }
    }
  }
}

/// What a scan of the queue has found.
struct ScanSummary: Sendable {
  let result: ClaimResult
  /// Whether the statement was made for what it found.
  let isApplicable: Bool

  /// How a form of the claim says what it found.
  struct Expressions {
    var groupsMax: Int
    var blockedTenant: String
    var blockedKey: String
    var hasBlocked: String
    var moved: String
    var isApplicable: String
  }

  static func columns(_ sql: Expressions) -> ResultColumns<ScanSummary> {
    ResultColumns { column in
      let oldest = column(nullable: "(select min(bucket) from queue_group)", .int4)
      let bucket = column(nullable: "(select bucket from queue_group where n = \(sql.groupsMax))", .int4)
      let tenant = column(nullable: "(select tenant_id from queue_group where n = \(sql.groupsMax))", .uuid)
      let blockedTenant = column(nullable: sql.blockedTenant, .uuid)
      let blockedKey = column(nullable: sql.blockedKey, .text)
      let hasBlocked = column(sql.hasBlocked, .bool)
      let moved = column(sql.moved, .int8)
      let isApplicable = column(nullable: sql.isApplicable, .bool)
      return { row in
        var result = ClaimResult()
        result.oldest = try row[oldest]
        if let bucket = try row[bucket], let tenant = try row[tenant] { result.queueCursor = (bucket, tenant) }
        if let tenant = try row[blockedTenant], let key = try row[blockedKey] {
          result.blockedCursor = (tenant, key)
        }
        result.hasBlocked = try row[hasBlocked]
        result.moved = Int(clamping: try row[moved])
        return ScanSummary(result: result, isApplicable: try row[isApplicable] ?? false)
      }
    }
  }
}
