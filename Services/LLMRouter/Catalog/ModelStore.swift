package import Postgres
internal import Pricing
package import Primitives
package import Routing
internal import SystemSources

/// A model in the table.
package struct ModelRow: Sendable {
  package let target: ModelTarget
  /// The day of the price, as `YYYY-MM-DD`.
  package let priceAsOf: String?
  package let isEnabled: Bool
  package let version: Int
  package let createdAt: Timestamp
  package let updatedAt: Timestamp
  /// Set where the model has an order of its own.
  package let priority: Int?
  package let weight: Int?

  /// A row.
  package init(
    target: ModelTarget, priceAsOf: String?, isEnabled: Bool, version: Int, createdAt: Timestamp,
    updatedAt: Timestamp, priority: Int?, weight: Int?
  ) {
    self.target = target
    self.priceAsOf = priceAsOf
    self.isEnabled = isEnabled
    self.version = version
    self.createdAt = createdAt
    self.updatedAt = updatedAt
    self.priority = priority
    self.weight = weight
  }
}

/// The table of models.
package struct ModelStore: Sendable {
  /// Models of an installation.
  static let rowsMax = 5000

  private let pool: PostgresPool

  /// The table behind a pool.
  package init(pool: PostgresPool) { self.pool = pool }

  /// All models, in the order of their priority.
  package func all() async throws -> [ModelRow] { try await pool.query(Statements.all, ()) }

  /// One model of a provider.
  package func find(_ provider: String, _ name: String) async throws -> ModelRow? {
    try await pool.query(Statements.find, (provider, name)).first
  }

  /// Adds or replaces. Returns whether it is new; nil when the provider is unknown, `expected` is not the version any
  /// more, or there are too many.
  package func put(_ model: ModelRow, expected: Int?) async throws -> Bool? {
    try await pool.query(Statements.put, (UUID.version7(), model, expected.map { Int32($0) })).first
  }

  /// Removes one. Returns false when it is not there.
  package func remove(_ provider: String, _ name: String) async throws -> Bool {
    try await pool.execute(Statements.remove, (provider, name)) > 0
  }

  enum Statements {
    private static let price = ResultColumns<Price?> { column in
      let input = column(nullable: "m.input_price", .int8)
      let output = column(nullable: "m.output_price", .int8)
      let cacheRead = column(nullable: "m.cache_read_price", .int8)
      let cacheWrite = column(nullable: "m.cache_write_price", .int8)
      let cacheWriteLong = column(nullable: "m.cache_write_long_price", .int8)
      return { row in
        guard let input = try row[input], let output = try row[output] else { return nil }
        return Price(
          input: input, output: output, cacheRead: try row[cacheRead], cacheWrite: try row[cacheWrite],
          cacheWriteLong: try row[cacheWriteLong])
      }
    }

    private static let model = ResultColumns<ModelRow> { column in
      let provider = column("p.name", .text)
      let name = column("m.name", .text)
      let providerModel = column("m.provider_model", .text)
      let tier = column(nullable: "m.tier", .text)
      let capabilities = column(nullable: "array_to_string(m.capabilities, ',')", .text)
      let contextTokens = column(nullable: "m.context_tokens", .int8)
      let outputTokensMax = column(nullable: "m.output_tokens_max", .int8)
      let price = column.include(price)
      let priceAsOf = column(nullable: "m.price_as_of::text", .text)
      let isEnabled = column("m.enabled", .bool)
      let version = column("m.version", .int4)
      let createdAt = column("m.created_at", .timestamptz)
      let updatedAt = column("m.updated_at", .timestamptz)
      let priority = column(nullable: "m.priority", .int4)
      let weight = column(nullable: "m.weight", .int4)
      let providerPriority = column("p.priority", .int4)
      let providerWeight = column("p.weight", .int4)
      return { row in
        let (priority, weight) = (try row[priority], try row[weight])
        let words = try row[capabilities]?.split(separator: ",").map(String.init)
        return ModelRow(
          target: ModelTarget(
            provider: try row[provider], name: try row[name], providerModel: try row[providerModel],
            tier: try row[tier].flatMap { Tier(rawValue: $0) },
            capabilities: words.map { Set($0.compactMap { Capability(rawValue: $0) }) },
            contextTokens: try row[contextTokens], outputTokensMax: try row[outputTokensMax], price: try row[price],
            priority: Int(try priority ?? row[providerPriority]), weight: Int(try weight ?? row[providerWeight]),
            createdAt: try row[createdAt].unixMicroseconds / 1_000_000),
          priceAsOf: try row[priceAsOf], isEnabled: try row[isEnabled], version: Int(try row[version]),
          createdAt: try row[createdAt], updatedAt: try row[updatedAt], priority: priority.map { Int($0) },
          weight: weight.map { Int($0) })
      }
    }

    static let all = Statement<Void, ModelRow>(model) { _ in
      """
      select \(model) from model m join provider p on p.id = m.provider_id
      order by coalesce(m.priority, p.priority), m.created_at limit \(rowsMax)
      """
    }

    static let find = Statement<(provider: String, name: String), ModelRow>(model) { parameter in
      let provider = parameter("provider", .text) { $0.provider }
      let name = parameter("name", .text) { $0.name }
      return """
        select \(model) from model m join provider p on p.id = m.provider_id
        where p.name = \(provider) and m.name = \(name)
        """
    }

    private static let isNew = ResultColumns<Bool> { column in
      // A row that was there has been locked by its update.
      let isNew = column("xmax = 0", .bool)
      return { row in try row[isNew] }
    }

    static let put = Statement<(id: UUID, model: ModelRow, expected: Int32?), Bool>(isNew) { parameter in
      let id = parameter("id", .uuid) { $0.id }
      let provider = parameter("provider", .text) { $0.model.target.provider }
      let name = parameter("name", .text) { $0.model.target.name }
      let providerModel = parameter("provider_model", .text) { $0.model.target.providerModel }
      let tier = parameter("tier", .text) { $0.model.target.tier?.rawValue }
      let capabilities = parameter("capabilities", .text) { input in
        input.model.target.capabilities.map { $0.map(\.rawValue).sorted().joined(separator: ",") }
      }
      let contextTokens = parameter("context_tokens", .int8) { $0.model.target.contextTokens }
      let outputTokensMax = parameter("output_tokens_max", .int8) { $0.model.target.outputTokensMax }
      let input = parameter("input_price", .int8) { $0.model.target.price?.input }
      let output = parameter("output_price", .int8) { $0.model.target.price?.output }
      let cacheRead = parameter("cache_read_price", .int8) { $0.model.target.price?.cacheRead }
      let cacheWrite = parameter("cache_write_price", .int8) { $0.model.target.price?.cacheWrite }
      let cacheWriteLong = parameter("cache_write_long_price", .int8) { $0.model.target.price?.cacheWriteLong }
      let priceAsOf = parameter("price_as_of", .text) { $0.model.priceAsOf }
      let isEnabled = parameter("enabled", .bool) { $0.model.isEnabled }
      let priority = parameter("priority", .int4) { $0.model.priority.map { Int32(clamping: $0) } }
      let weight = parameter("weight", .int4) { $0.model.weight.map { Int32(clamping: $0) } }
      let expected = parameter("expected", .int4) { $0.expected }
      return """
        insert into model as m (id, provider_id, name, provider_model, tier, capabilities, context_tokens,
          output_tokens_max, input_price, output_price, cache_read_price, cache_write_price, cache_write_long_price,
          price_as_of, enabled, priority, weight)
        select \(id), p.id, \(name), \(providerModel), \(tier), string_to_array(\(capabilities), ','),
          \(contextTokens), \(outputTokensMax), \(input), \(output), \(cacheRead), \(cacheWrite), \(cacheWriteLong),
          \(priceAsOf)::date, \(isEnabled), \(priority), \(weight)
        from provider p where p.name = \(provider)
          and (select count(*) from model o where (o.provider_id, o.name) <> (p.id, \(name))) < \(rowsMax)
          and (\(expected) is null or exists (
            select 1 from model o where o.provider_id = p.id and o.name = \(name) and o.version = \(expected)))
        on conflict (provider_id, name) do update set provider_model = excluded.provider_model, tier = excluded.tier,
          capabilities = excluded.capabilities, context_tokens = excluded.context_tokens,
          output_tokens_max = excluded.output_tokens_max, input_price = excluded.input_price,
          output_price = excluded.output_price, cache_read_price = excluded.cache_read_price,
          cache_write_price = excluded.cache_write_price, cache_write_long_price = excluded.cache_write_long_price,
          price_as_of = excluded.price_as_of, enabled = excluded.enabled, priority = excluded.priority,
          weight = excluded.weight, version = m.version + 1, updated_at = clock_timestamp()
        where \(expected) is null or m.version = \(expected)
        returning \(isNew)
        """
    }

    static let remove = Statement<(provider: String, name: String), Void> { parameter in
      let provider = parameter("provider", .text) { $0.provider }
      let name = parameter("name", .text) { $0.name }
      return """
        delete from model m using provider p
        where p.id = m.provider_id and p.name = \(provider) and m.name = \(name)
        """
    }

    /// What is wrong with the declarations; a test expects nothing.
    static var faults: [String] { all.faults + find.faults + put.faults + remove.faults }
  }
}
