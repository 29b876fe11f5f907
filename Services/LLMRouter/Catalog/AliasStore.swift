package import Postgres
package import Routing

/// An alias in the table.
package struct AliasRow: Sendable {
  package let name: String
  package let rule: AliasRule
  /// What answers have to be like, as JSON.
  package let check: String?
  package let version: Int

  /// A row.
  package init(name: String, rule: AliasRule, check: String?, version: Int) {
    self.name = name
    self.rule = rule
    self.check = check
    self.version = version
  }
}

/// The table of aliases.
package struct AliasStore: Sendable {
  /// Aliases of an installation.
  static let rowsMax = 1000

  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  package func all() async throws -> [AliasRow] {
    try await pool.query(
      """
      select name, strategy, version, array_to_string(models, E'\\x1f'), array_to_string(fallbacks, E'\\x1f'),
        array_to_string(context_fallbacks, E'\\x1f'), array_to_string(content_fallbacks, E'\\x1f'), hedge_after_ms,
        array_to_string(escalation, E'\\x1f'), answer_check::text, rescue
      from alias order by name
      limit \(AliasStore.rowsMax)
      """
    ).map { row in
      AliasRow(
        name: try row.decode(0, as: String.self),
        rule: AliasRule(
          models: try names(row, 3), strategy: Strategy(rawValue: try row.decode(1, as: String.self)) ?? .priority,
          fallbacks: try names(row, 4), contextFallbacks: try names(row, 5), contentFallbacks: try names(row, 6),
          hedgeMilliseconds: try row.decode(7, as: Int64?.self), escalation: try names(row, 8),
          rescue: try row.decode(10, as: String?.self).flatMap { Rescue(rawValue: $0) }),
        check: try row.decode(9, as: String?.self), version: Int(try row.decode(2, as: Int32.self)))
    }
  }

  private func names(_ row: PostgresRow, _ column: Int) throws -> [String] {
    try row.decode(column, as: String.self).split(separator: "\u{1f}").map(String.init)
  }

  /// Adds or replaces. Returns the version, or nil when `expected` is not it any more or there are too many.
  package func put(_ name: String, _ rule: AliasRule, check: String?, expected: Int?) async throws -> Int? {
    try await pool.query(
      """
      insert into alias as a (name, models, strategy, fallbacks, context_fallbacks, content_fallbacks,
        hedge_after_ms, escalation, answer_check, rescue)
      select $1, $2, $3, $4, $5, $6, $8, $9, $10::text::jsonb, $11
      where (select count(*) from alias where name <> $1) < \(AliasStore.rowsMax)
        and ($7::int is null or exists (select 1 from alias where name = $1 and version = $7))
      on conflict (name) do update set models = excluded.models, strategy = excluded.strategy,
        fallbacks = excluded.fallbacks, context_fallbacks = excluded.context_fallbacks,
        content_fallbacks = excluded.content_fallbacks, hedge_after_ms = excluded.hedge_after_ms,
        escalation = excluded.escalation, answer_check = excluded.answer_check, rescue = excluded.rescue,
        version = a.version + 1, updated_at = clock_timestamp()
      where $7::int is null or a.version = $7
      returning version
      """,
      [
        name, rule.models, rule.strategy.rawValue, rule.fallbacks, rule.contextFallbacks, rule.contentFallbacks,
        expected.map { Int32($0) }, rule.hedgeMilliseconds, rule.escalation, check,
        rule.rescue?.rawValue,
      ]
    ).first.map { Int(try $0.decode(0, as: Int32.self)) }
  }

  package func remove(_ name: String) async throws -> Bool {
    try await pool.query("delete from alias where name = $1 returning 1", [name]).first != nil
  }
}
