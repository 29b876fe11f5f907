internal import Contracts
package import Postgres
internal import Primitives

/// Whose key it is.
struct AnswerKey: Sendable, Hashable {
  let tenant: TenantID
  let subject: String
  let key: String

  var scope: TenantScope { TenantScope(tenant.uuid) }
}

/// What is known of a key.
enum KnownAnswer: Sendable, Equatable {
  /// Nothing: this request is the first, and has the lock.
  case first
  /// The first one is under way.
  case begun(digest: [UInt8])
  case kept(KeptAnswer, digest: [UInt8])
  case notKept(status: Int, digest: [UInt8])
  case unknown(digest: [UInt8])
}

/// Where answers are kept. Everything throws `PostgresError`.
protocol AnswerStoring: Sendable {
  /// Takes the lock of a key, or says what is known of it.
  func begin(_ key: AnswerKey, digest: [UInt8], fence: UUID) async throws -> KnownAnswer
  /// Ends a row, if it is still that of `fence`.
  func end(_ key: AnswerKey, fence: UUID, _ ending: AnswerEnding) async throws
  /// Removes up to so many rows whose time is over. Returns how many there were.
  func removeExpired(rowsMax: Int) async throws -> Int
}

/// The table of answers.
package struct AnswerStore: AnswerStoring {
  /// A first request may be under way for so long; it is longer than any that is not cancelled with its client.
  static let lockSeconds: Int64 = 180
  /// How long answers are kept.
  static let retentionSeconds: Int64 = 86_400
  /// How often the lock is tried for: a row may vanish between two looks.
  private static let triesMax = 3

  private let pool: PostgresPool
  /// Requests go this way.
  private let database: TenantDatabase

  /// The table behind a pool whose schema is that of the gateway.
  package init(pool: PostgresPool) {
    self.pool = pool
    database = TenantDatabase(pool: pool)
  }

  func begin(_ key: AnswerKey, digest: [UInt8], fence: UUID) async throws -> KnownAnswer {
    for _ in 0..<AnswerStore.triesMax {
      let rows = try await database.query(Statements.begin, (key, digest, fence), of: key.scope)
      if let row = rows.first { return row }
    }
    throw PostgresError(.decoding, detail: "the row of an Idempotency-Key comes and goes")
  }

  func end(_ key: AnswerKey, fence: UUID, _ ending: AnswerEnding) async throws {
    switch ending {
    case .released: try await database.execute(Statements.release, (key, fence), of: key.scope)
    case .kept(let answer):
      try await database.execute(Statements.end, EndInput(key, fence, "kept", answer), of: key.scope)
    case .notKept(let status):
      let answer = KeptAnswer(status: status, headers: [], body: [])
      try await database.execute(Statements.end, EndInput(key, fence, "not_kept", answer), of: key.scope)
    case .unknown: try await database.execute(Statements.end, EndInput(key, fence, "unknown", nil), of: key.scope)
    }
  }

  func removeExpired(rowsMax: Int) async throws -> Int {
    try await pool.query(Statements.removeExpired, Int32(clamping: rowsMax)).count
  }
}

/// How a row ends.
struct EndInput: Sendable {
  let key: AnswerKey
  let fence: UUID
  let state: String
  let answer: KeptAnswer?

  init(_ key: AnswerKey, _ fence: UUID, _ state: String, _ answer: KeptAnswer?) {
    self.key = key
    self.fence = fence
    self.state = state
    self.answer = answer
  }
}

extension AnswerStore {
  enum Statements {
    private static let known = ResultColumns<KnownAnswer> { column in
      let isFirst = column("f.is_first", .bool)
      let isLocked = column("f.is_locked", .bool)
      let state = column("f.state", .text)
      let digest = column("f.digest", .bytea)
      let status = column(nullable: "f.status", .int4)
      let headers = column(nullable: "f.headers::text", .text)
      let body = column(nullable: "f.body", .bytea)
      return { row in
        if try row[isFirst] { return .first }
        let digest = try row[digest]
        let status = Int(try row[status] ?? 0)
        switch try row[state] {
        case "kept":
          let answer = KeptAnswer(
            status: status, headers: Array((try row[headers] ?? "[]").utf8), body: try row[body] ?? [])
          return .kept(answer, digest: digest)
        case "not_kept": return .notKept(status: status, digest: digest)
        case "begun" where try row[isLocked]: return .begun(digest: digest)
        // The process that carried it out has ended before it could say how.
        default: return .unknown(digest: digest)
        }
      }
    }

    static let begin = Statement<(key: AnswerKey, digest: [UInt8], fence: UUID), KnownAnswer>(known) { parameter in
      let tenant = parameter("tenant_id", .uuid) { $0.key.tenant.uuid }
      let subject = parameter("subject", .text) { $0.key.subject }
      let key = parameter("key", .text) { $0.key.key }
      let digest = parameter("digest", .bytea) { $0.digest }
      let fence = parameter("fence", .uuid) { $0.fence }
      let lock = parameter("lock_seconds", .int8) { _ in lockSeconds }
      let retention = parameter("retention_seconds", .int8) { _ in retentionSeconds }
      // An expired row is a first one again. Who loses the race sees no row at all: it looks again.
      return """
        with first as (
          insert into answer as a (tenant_id, subject, key, digest, state, fence, locked_until, expires_at)
          values (\(tenant), \(subject), \(key), \(digest), 'begun', \(fence), now() + \(lock) * interval '1 second',
            now() + \(retention) * interval '1 second')
          on conflict (tenant_id, subject, key) do update set
            digest = excluded.digest, state = 'begun', fence = excluded.fence, begun_at = now(),
            locked_until = excluded.locked_until, expires_at = excluded.expires_at, status = null, headers = null,
            body = null
          where a.expires_at <= now()
          returning a.state, a.digest)
        select \(known) from (
          select true as is_first, true as is_locked, state, digest, null::int4 as status, null::jsonb as headers,
            null::bytea as body from first
          union all
          select false, locked_until > now(), state, digest, status, headers, body from answer
          where tenant_id = \(tenant) and subject = \(subject) and key = \(key) and not exists (select from first)) f
        """
    }

    static let end = Statement<EndInput, Void> { parameter in
      let tenant = parameter("tenant_id", .uuid) { $0.key.tenant.uuid }
      let subject = parameter("subject", .text) { $0.key.subject }
      let key = parameter("key", .text) { $0.key.key }
      let fence = parameter("fence", .uuid) { $0.fence }
      let state = parameter("state", .text) { $0.state }
      let status = parameter("status", .int4) { $0.answer.map { Int32(clamping: $0.status) } }
      let headers = parameter("headers", .jsonb) { input in
        input.answer.flatMap { $0.headers.isEmpty ? nil : PostgresJSON($0.headers) }
      }
      let body = parameter("body", .bytea) { $0.answer?.body }
      return """
        update answer set state = \(state), status = \(status), headers = \(headers), body = \(body)
        where tenant_id = \(tenant) and subject = \(subject) and key = \(key) and fence = \(fence) and state = 'begun'
        """
    }

    static let release = Statement<(key: AnswerKey, fence: UUID), Void> { parameter in
      let tenant = parameter("tenant_id", .uuid) { $0.key.tenant.uuid }
      let subject = parameter("subject", .text) { $0.key.subject }
      let key = parameter("key", .text) { $0.key.key }
      let fence = parameter("fence", .uuid) { $0.fence }
      return """
        delete from answer
        where tenant_id = \(tenant) and subject = \(subject) and key = \(key) and fence = \(fence) and state = 'begun'
        """
    }

    private static let removed = ResultColumns<Bool> { column in
      let removed = column("true", .bool)
      return { row in try row[removed] }
    }

    static let removeExpired = Statement<Int32, Bool>(removed) { parameter in
      let rowsMax = parameter("rows_max", .int4) { $0 }
      return """
        delete from answer where ctid = any(array(
          select ctid from answer where expires_at < now() limit \(rowsMax) for update skip locked))
        returning \(removed)
        """
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { begin.faults + end.faults + release.faults + removeExpired.faults }
  }
}
