internal import Postgres
internal import Pricing
internal import Primitives
internal import Routing
internal import SystemSources

/// A model in the table.
struct ModelRow: Sendable {
  let target: ModelTarget
  /// The day of the price, as `YYYY-MM-DD`.
  let priceAsOf: String?
  let isEnabled: Bool
  let version: Int
  let createdAt: Timestamp
  let updatedAt: Timestamp
  /// Set where the model has an order of its own.
  let priority: Int?
  let weight: Int?
}

/// The tables of models and aliases.
struct ModelStore: Sendable {
  /// Models of an installation.
  static let rowsMax = 5000
  private static let columns = """
    p.name, m.name, m.provider_model, m.tier, array_to_string(m.capabilities, ','), m.context_tokens, m.output_tokens_max, m.input_price,
    m.output_price, m.cache_read_price, m.cache_write_price, m.cache_write_long_price, m.price_as_of::text,
    m.enabled, m.version, m.created_at, m.updated_at, m.priority, m.weight, p.priority, p.weight
    """

  let pool: PostgresPool

  func all() async throws -> [ModelRow] {
    try await pool.query(
      """
      select \(ModelStore.columns) from model m join provider p on p.id = m.provider_id
      order by coalesce(m.priority, p.priority), m.created_at limit \(ModelStore.rowsMax)
      """
    ).map(row)
  }

  func find(_ provider: String, _ name: String) async throws -> ModelRow? {
    try await pool.query(
      """
      select \(ModelStore.columns) from model m join provider p on p.id = m.provider_id
      where p.name = $1 and m.name = $2
      """, [provider, name]
    ).first.map(row)
  }

  /// Adds or replaces. Returns nil when the provider is unknown, `expected` is not the version any more, or there are
  /// too many.
  func put(_ model: ModelRow, expected: Int?) async throws -> Bool? {
    let target = model.target
    let capabilities = target.capabilities.map { $0.map(\.rawValue).sorted().joined(separator: ",") }
    let price = target.price
    let (priority, weight) = (model.priority.map { Int32($0) }, model.weight.map { Int32($0) })
    let parameters: [any PostgresEncodable] = [
      UUID.version7(), target.provider, target.name, target.providerModel, target.tier?.rawValue, capabilities,
      target.contextTokens, target.outputTokensMax, price?.input, price?.output, price?.cacheRead, price?.cacheWrite,
      price?.cacheWriteLong, model.priceAsOf, model.isEnabled, priority, weight, expected.map { Int32($0) },
    ]
    return try await pool.query(
      """
      insert into model as m (id, provider_id, name, provider_model, tier, capabilities, context_tokens,
        output_tokens_max, input_price, output_price, cache_read_price, cache_write_price, cache_write_long_price,
        price_as_of, enabled, priority, weight)
      select $1, p.id, $3, $4, $5, string_to_array($6, ','), $7, $8, $9, $10, $11, $12, $13, $14::text::date, $15, $16, $17
      from provider p where p.name = $2
        and (select count(*) from model o where (o.provider_id, o.name) <> (p.id, $3)) < \(ModelStore.rowsMax)
        and ($18::int is null
          or exists (select 1 from model o where o.provider_id = p.id and o.name = $3 and o.version = $18))
      on conflict (provider_id, name) do update set provider_model = excluded.provider_model, tier = excluded.tier,
        capabilities = excluded.capabilities, context_tokens = excluded.context_tokens,
        output_tokens_max = excluded.output_tokens_max, input_price = excluded.input_price,
        output_price = excluded.output_price, cache_read_price = excluded.cache_read_price,
        cache_write_price = excluded.cache_write_price, cache_write_long_price = excluded.cache_write_long_price,
        price_as_of = excluded.price_as_of, enabled = excluded.enabled, priority = excluded.priority,
        weight = excluded.weight, version = m.version + 1, updated_at = clock_timestamp()
      where $18::int is null or m.version = $18
      returning xmax = 0
      """, parameters
    ).first.map { try $0.decode(0, as: Bool.self) }
  }

  func remove(_ provider: String, _ name: String) async throws -> Bool {
    try await pool.query(
      """
      delete from model m using provider p where p.id = m.provider_id and p.name = $1 and m.name = $2 returning 1
      """, [provider, name]
    ).first != nil
  }

  private func row(_ row: PostgresRow) throws -> ModelRow {
    var price: Price?
    if let input = try row.decode(7, as: Int64?.self), let output = try row.decode(8, as: Int64?.self) {
      price = Price(
        input: input, output: output, cacheRead: try row.decode(9, as: Int64?.self),
        cacheWrite: try row.decode(10, as: Int64?.self), cacheWriteLong: try row.decode(11, as: Int64?.self))
    }
    let priority = try row.decode(17, as: Int32?.self)
    let weight = try row.decode(18, as: Int32?.self)
    let capabilities = try row.decode(4, as: String?.self)?.split(separator: ",").map(String.init)
    return ModelRow(
      target: ModelTarget(
        provider: try row.decode(0, as: String.self), name: try row.decode(1, as: String.self),
        providerModel: try row.decode(2, as: String.self),
        tier: try row.decode(3, as: String?.self).flatMap { Tier(rawValue: $0) },
        capabilities: capabilities.map { Set($0.compactMap { Capability(rawValue: $0) }) },
        contextTokens: try row.decode(5, as: Int64?.self), outputTokensMax: try row.decode(6, as: Int64?.self),
        price: price, priority: Int(try priority ?? row.decode(19, as: Int32.self)),
        weight: Int(try weight ?? row.decode(20, as: Int32.self)),
        createdAt: try row.decode(15, as: Timestamp.self).unixMicroseconds / 1_000_000),
      priceAsOf: try row.decode(12, as: String?.self), isEnabled: try row.decode(13, as: Bool.self),
      version: Int(try row.decode(14, as: Int32.self)), createdAt: try row.decode(15, as: Timestamp.self),
      updatedAt: try row.decode(16, as: Timestamp.self), priority: priority.map { Int($0) },
      weight: weight.map { Int($0) })
  }
}
