internal import Primitives
internal import SystemSources
public import Telemetry

/// One step of a schema: forward only, never changed once released.
public struct Migration: Sendable {
  /// Position, from 1 without gaps.
  public let version: Int
  /// What it does.
  public let name: String
  /// The script.
  public let sql: String
  /// Programs that know fewer migrations than this do not run on a schema with it: 0 for one that only adds.
  public let needs: Int

  /// Makes a migration.
  public init(version: Int, name: String, sql: String, needs: Int = 0) {
    self.version = version
    self.name = name
    self.sql = sql
    self.needs = needs
  }
}

/// The schema is not what this program expects.
public struct MigrationError: Error, CustomStringConvertible {
  /// What is wrong and what to do.
  public let description: String
}

/// Brings a schema up to date. Several processes may start at once: a lock lets one work while the others wait.
public struct Migrator: Sendable {
  private static let lockKey: Int64 = 0x6361_6472_6500
  /// For a connection, and for all that a schema may need: large tables get new indexes.
  private static let connectTimeout: UInt64 = 120_000_000_000
  private static let timeout: UInt64 = 7_200_000_000_000

  private let pool: PostgresPool
  private let schema: String
  private let logger: Logger

  /// A migrator of one schema.
  public init(pool: PostgresPool, schema: String, logger: Logger) {
    // Names and files of our own code, at the start of the process.
    precondition(schema.utf8.allSatisfy { (97...122).contains($0) || $0 == 95 }, "a schema is a lower-case name")
    self.pool = pool
    self.schema = schema
    self.logger = logger
  }

  /// Applies what is missing. A schema of a newer program is good as well, unless one of its migrations needs that
  /// program: while an update goes on, and after it was taken back, the old program starts on the new schema. Throws
  /// `MigrationError` when the recorded history does not fit, else `PostgresError`.
  public func migrate(_ migrations: [Migration]) async throws {
    // Names and files of our own code, at the start of the process.
    precondition(
      migrations.enumerated().allSatisfy { $0.element.version == $0.offset + 1 }, "versions count from 1 without gaps")
    let deadline = MonotonicClock.now() &+ Migrator.timeout
    let connection = try await pool.dedicated(deadline: MonotonicClock.now() &+ Migrator.connectTimeout)
    defer { connection.close() }
    func run(_ sql: String) async throws -> [PostgresRows] { try await connection.script(sql, deadline: deadline) }
    // Waiting for another migrator is no reason to give up.
    _ = try await run("set statement_timeout = 0; set lock_timeout = 0; select pg_advisory_lock(\(Migrator.lockKey))")
    _ = try await run(
      """
      create schema if not exists \(schema);
      create table if not exists \(schema).schema_migrations (
        version int primary key, name text not null, checksum text not null,
        applied_at timestamptz not null default now(), duration_ms bigint not null,
        needs int not null default 0);
      -- Where it was made before it had this column. Otherwise no lock is asked for: a start would wait for a dump.
      do $$ begin
        if not exists (
          select from pg_attribute
          where attrelid = '\(schema).schema_migrations'::regclass and attname = 'needs') then
          alter table \(schema).schema_migrations add column if not exists needs int not null default 0;
        end if;
      end $$
      """)
    try await prepareTenantRole(run)
    let applied = try await recorded(run)
    if applied.count > migrations.count { try await acceptNewer(run, applied: applied.count, known: migrations.count) }
    for migration in migrations {
      let checksum = try await text(run, "select encode(sha256(convert_to(\(literal(migration.sql)), 'UTF8')), 'hex')")
      if migration.version <= applied.count {
        guard applied[migration.version - 1] == checksum else {
          throw MigrationError(
            description:
              "migration \(migration.version) (\(migration.name)) of schema \(schema) was changed after it was "
              + "applied; released migrations must stay as they are, add a new one instead")
        }
        continue
      }
      let started = MonotonicClock.now()
      _ = try await run(
        """
        begin; set local lock_timeout = '30s'; set local search_path = \(schema);
        \(migration.sql)
        ; insert into \(schema).schema_migrations (version, name, checksum, needs, duration_ms)
        values (\(migration.version), \(literal(migration.name)), '\(checksum)', \(migration.needs),
          (extract(epoch from clock_timestamp() - now()) * 1000)::bigint); commit
        """)
      logger.info(
        "schema migrated",
        [
          "schema": .string(schema), "version": .int(Int64(migration.version)), "name": .string(migration.name),
          "duration_ms": .int(Int64((MonotonicClock.now() - started) / 1_000_000)),
        ])
    }
    _ = try await run(TenantRole.grants(of: schema))
  }

  /// Lays ready what row-level security needs. Throws `MigrationError` where an administrator has to help.
  private func prepareTenantRole(_ run: (String) async throws -> [PostgresRows]) async throws {
    do {
      _ = try await run(TenantRole.prepare)
      _ = try await run(TenantRole.tryOut)
    } catch let error as PostgresError where error.sqlState == "42501" {
      // The transaction in which it failed may still be open.
      _ = try await run("rollback")
      throw MigrationError(
        description: TenantRole.advice(user: try await text(run, "select quote_ident(current_user)")))
    }
    guard try await text(run, TenantRole.isBound) == "true" else {
      throw MigrationError(
        description: "the role \(TenantScope.role) is a superuser or bypasses row-level security; let an administrator "
          + "of the database run: alter role \(TenantScope.role) nosuperuser nobypassrls;")
    }
    _ = try await run(TenantRole.functions(of: schema))
  }

  /// Of a schema that a newer program has made: throws `MigrationError` when that program is needed.
  private func acceptNewer(
    _ run: (String) async throws -> [PostgresRows], applied: Int, known: Int
  ) async throws {
    let needed = try await text(run, "select max(needs)::text from \(schema).schema_migrations")
    guard let least = Int(needed), least <= known else {
      throw MigrationError(
        description: "the schema \(schema) is at version \(applied) and needs a program that knows \(needed) versions; "
          + "this one knows \(known); start the newer program")
    }
    logger.warning(
      "the schema is newer than this program",
      ["schema": .string(schema), "version": .int(Int64(applied)), "known": .int(Int64(known))])
  }

  private func recorded(_ run: (String) async throws -> [PostgresRows]) async throws -> [String] {
    let rows = try await run(
      "select version::text || ':' || checksum from \(schema).schema_migrations order by version")
    var checksums: [String] = []
    for row in rows.last ?? PostgresRows.none {
      let parts = try row.text(0).split(separator: ":")
      guard parts.count == 2, Int(parts[0]) == checksums.count + 1 else {
        throw MigrationError(description: "the migrations of schema \(schema) have a gap; restore it from a backup")
      }
      checksums.append(String(parts[1]))
    }
    return checksums
  }

  private func text(_ run: (String) async throws -> [PostgresRows], _ sql: String) async throws -> String {
    guard let row = try await run(sql).last?.first else { throw PostgresError(.decoding) }
    return try row.text(0)
  }

  /// A string literal; only for texts of this program, never for input.
  private func literal(_ text: String) -> String {
    "'" + text.unicodeScalars.reduce(into: "") { $0 += $1 == "'" ? "''" : String($1) } + "'"
  }
}
