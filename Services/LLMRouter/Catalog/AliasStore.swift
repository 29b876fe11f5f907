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

  /// All aliases, by name.
  package func all() async throws -> [AliasRow] { try await pool.query(Statements.all, ()) }

  /// Adds or replaces. Returns the version, or nil when `expected` is not it any more or there are too many.
  package func put(_ name: String, _ rule: AliasRule, check: String?, expected: Int?) async throws -> Int? {
    try await pool.query(Statements.put, (name, rule, check, expected.map { Int32($0) })).first
  }

  /// Removes one. Returns false when it is not there.
  package func remove(_ name: String) async throws -> Bool { try await pool.execute(Statements.remove, name) > 0 }

  enum Statements {
    /// Stands between the names of a list; no name holds it.
    private static let separator: Character = "\u{1f}"

    private static let alias = ResultColumns<AliasRow> { column in
      func names(_ name: String) -> ResultColumn<String> { column("array_to_string(\(name), E'\\x1f')", .text) }
      let name = column("name", .text)
      let models = names("models")
      let strategy = column("strategy", .text)
      let fallbacks = names("fallbacks")
      let contextFallbacks = names("context_fallbacks")
      let contentFallbacks = names("content_fallbacks")
      let hedgeAfter = column(nullable: "hedge_after_ms", .int8)
      let escalation = names("escalation")
      let check = column(nullable: "answer_check::text", .text)
      let rescue = column(nullable: "rescue", .text)
      let version = column("version", .int4)
      return { row in
        func list(_ column: ResultColumn<String>) throws -> [String] {
          try row[column].split(separator: separator).map(String.init)
        }
        return AliasRow(
          name: try row[name],
          rule: AliasRule(
            models: try list(models), strategy: Strategy(rawValue: try row[strategy]) ?? .priority,
            fallbacks: try list(fallbacks), contextFallbacks: try list(contextFallbacks),
            contentFallbacks: try list(contentFallbacks), hedgeMilliseconds: try row[hedgeAfter],
            escalation: try list(escalation), rescue: try row[rescue].flatMap { Rescue(rawValue: $0) }),
          check: try row[check], version: Int(try row[version]))
      }
    }

    static let all = Statement<Void, AliasRow>(alias) { _ in
      "select \(alias) from alias order by name limit \(rowsMax)"
    }

    private static let version = ResultColumns<Int> { column in
      let version = column("version", .int4)
      return { row in Int(try row[version]) }
    }

    static let put = Statement<(name: String, rule: AliasRule, check: String?, expected: Int32?), Int>(version) {
      parameter in
      let name = parameter("name", .text) { $0.name }
      let models = parameter.array("models", of: .text) { $0.rule.models }
      let strategy = parameter("strategy", .text) { $0.rule.strategy.rawValue }
      let fallbacks = parameter.array("fallbacks", of: .text) { $0.rule.fallbacks }
      let contextFallbacks = parameter.array("context_fallbacks", of: .text) { $0.rule.contextFallbacks }
      let contentFallbacks = parameter.array("content_fallbacks", of: .text) { $0.rule.contentFallbacks }
      let hedgeAfter = parameter("hedge_after_ms", .int8) { $0.rule.hedgeMilliseconds }
      let escalation = parameter.array("escalation", of: .text) { $0.rule.escalation }
      let check = parameter("answer_check", .text) { $0.check }
      let rescue = parameter("rescue", .text) { $0.rule.rescue?.rawValue }
      let expected = parameter("expected", .int4) { $0.expected }
      return """
        insert into alias as a (name, models, strategy, fallbacks, context_fallbacks, content_fallbacks,
          hedge_after_ms, escalation, answer_check, rescue)
        select \(name), \(models), \(strategy), \(fallbacks), \(contextFallbacks), \(contentFallbacks),
          \(hedgeAfter), \(escalation), \(check)::jsonb, \(rescue)
        where (select count(*) from alias where name <> \(name)) < \(rowsMax)
          and (\(expected) is null or exists (select 1 from alias where name = \(name) and version = \(expected)))
        on conflict (name) do update set models = excluded.models, strategy = excluded.strategy,
          fallbacks = excluded.fallbacks, context_fallbacks = excluded.context_fallbacks,
          content_fallbacks = excluded.content_fallbacks, hedge_after_ms = excluded.hedge_after_ms,
          escalation = excluded.escalation, answer_check = excluded.answer_check, rescue = excluded.rescue,
          version = a.version + 1, updated_at = clock_timestamp()
        where \(expected) is null or a.version = \(expected)
        returning \(version)
        """
    }

    static let remove = Statement<String, Void> { parameter in
      let name = parameter("name", .text) { $0 }
      return "delete from alias where name = \(name)"
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { all.faults + put.faults + remove.faults }
  }
}
