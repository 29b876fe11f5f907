/// A table with rows of tenants, as exports and deletions walk it. All texts are the program's own.
public struct TenantTable: Sendable {
  /// An expression by which the pages of an export are in order, with its type.
  public struct Key: Sendable {
    let expression: String
    let type: String

    /// A key; the expression is on a row `t`.
    public init(_ expression: String, _ type: String) {
      self.expression = expression
      self.type = type
    }
  }

  /// How the tenant of a row is found.
  public enum Owner: Sendable {
    /// It stands in `tenant_id`.
    case column
    /// It is that of the row of `parent` whose `id` stands in `key`.
    case through(parent: String, key: String)
  }

  /// Rows of a batch that is deleted, so that none holds its locks for long.
  private static let batchMax = 500

  /// Its name in the schema.
  public let name: String
  let owner: Owner
  /// Together they are unique; without any the table is not exported.
  let keys: [Key]
  /// Columns that an export leaves out.
  let hidden: [String]
  /// Rows of a page: few where rows are large, because a page is held in memory.
  let rowsMax: Int
  /// Tables whose rows go with a row of this one, by their column with its `id`.
  let children: [(table: String, key: String)]

  /// A table.
  public init(
    _ name: String, owner: Owner = .column, keys: [Key], hidden: [String] = [], rowsMax: Int = 200,
    children: [(table: String, key: String)] = []
  ) {
    self.name = name
    self.owner = owner
    self.keys = keys
    self.hidden = hidden
    self.rowsMax = rowsMax
    self.children = children
  }

  /// The condition on a row `t`; the tenant is `$1`.
  func condition(_ schema: String) -> String {
    switch owner {
    case .column: "t.tenant_id = $1"
    case .through(let parent, let key): "t.\(key) in (select p.id from \(schema).\(parent) p where p.tenant_id = $1)"
    }
  }

  /// The statement that reads a page. Parameters: tenant, hidden columns, and behind a cursor its keys as JSON.
  func page(_ schema: String, isFirst: Bool) -> String {
    let order = keys.map(\.expression).joined(separator: ", ")
    let row = keys.map { "(\($0.expression))::text" }.joined(separator: ", ")
    let from = keys.enumerated().map { "($3::text::json ->> \($0.offset))::\($0.element.type)" }
    let behind = isFirst ? "" : " and (\(order)) > (\(from.joined(separator: ", ")))"
    return """
      select (to_jsonb(t) - $2::text[])::text, array_to_json(array[\(row)])::text from \(schema).\(name) t
      where \(condition(schema))\(behind) order by \(order) limit \(rowsMax)
      """
  }

  /// The statement that deletes a batch and says how many rows there were. What others hold is left for later.
  func deletion(_ schema: String) -> String {
    let gone = """
      delete from \(schema).\(name) where ctid = any(array(
        select t.ctid from \(schema).\(name) t where \(condition(schema)) limit \(TenantTable.batchMax) for update skip locked))
      """
    guard !children.isEmpty else { return "with gone as (\(gone) returning 1) select count(*) from gone" }
    let parts = children.map { child in
      ", of_\(child.table) as (delete from \(schema).\(child.table) where \(child.key) in (select id from gone))"
    }
    return "with gone as (\(gone) returning id)\(parts.joined()) select count(*) from gone"
  }
}
