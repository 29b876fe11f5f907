/// A statement whose parameters and result are declared once, each with its name, its type and where its value comes
/// from. The text, the binding and the decoding derive from the declaration; nothing is numbered by hand.
///
/// ```swift
/// static let rename = Statement<(id: UUID, name: String), Int32>(version) { parameter in
///   let id = parameter("id", .uuid) { $0.id }
///   let name = parameter("name", .text) { $0.name }
///   return "update project set name = \(name) where id = \(id) returning \(version)"
/// }
/// ```
///
/// A parameter that is declared and not used is a warning of the compiler, one that is used and not declared an error.
/// `faults` finds what the compiler cannot see.
public struct Statement<Input: Sendable, Row>: Sendable {
  /// The text, with numbered parameters.
  public let sql: String
  /// The columns of the result.
  public let columns: ResultColumns<Row>

  let parameters: [StatementParameter<Input>]
  let rowSets: [StatementRowSet]
  private let text: StatementText
  private let tenantText: StatementText

  /// A statement with a result; `build` declares the parameters and returns the text.
  public init(_ columns: ResultColumns<Row>, _ build: (StatementBuilder<Input>) -> String) {
    let builder = StatementBuilder<Input>()
    sql = build(builder)
    parameters = builder.parameters
    rowSets = builder.takeRowSets()
    self.columns = columns
    text = StatementText(sql: sql, types: parameters.map(\.type))
    tenantText = StatementText(sql: sql, types: parameters.map(\.type), role: .tenant)
  }

  /// A statement without a result; `build` declares the parameters and returns the text.
  public init(_ build: (StatementBuilder<Input>) -> String) where Row == Void { self.init(.none, build) }

  /// The statement with the values of its parameters.
  public func call(_ input: Input) -> PostgresStatement { call(input, text) }

  /// The same for a unit that serves one tenant.
  public func tenantCall(_ input: Input) -> PostgresStatement { call(input, tenantText) }

  private func call(_ input: Input, _ text: StatementText) -> PostgresStatement {
    PostgresStatement(text) { [parameters] index, bytes in parameters[index].encode(input, &bytes) }
  }

  /// The rows of a result of this statement.
  public func rows(_ result: PostgresRows) throws -> [Row] { try columns.rows(result) }
}

/// A parameter as it was declared.
struct StatementParameter<Input>: Sendable {
  let name: String
  /// The object id in `pg_type`.
  let type: UInt32
  /// Appends the binary form; `false` means NULL.
  let encode: @Sendable (Input, inout [UInt8]) -> Bool
}

extension PostgresPool {
  /// Runs a declared statement and decodes its rows. Throws `PostgresError` or `CancellationError`.
  @discardableResult
  public func query<Input, Row>(
    _ statement: Statement<Input, Row>, _ input: Input, affinity: Int? = nil
  ) async throws -> [Row] {
    guard let result = try await batch([statement.call(input)], affinity: affinity).first else {
      throw PostgresError(.decoding, detail: "no result")
    }
    return try statement.rows(result)
  }

  /// Runs a declared statement without a result. Returns how many rows it has changed. Throws as `query` does.
  @discardableResult
  public func execute<Input>(
    _ statement: Statement<Input, Void>, _ input: Input, affinity: Int? = nil
  ) async throws -> Int {
    try await batch([statement.call(input)], affinity: affinity).first?.affected ?? 0
  }
}

extension PostgresTransaction {
  /// Runs a declared statement inside the transaction and decodes its rows.
  @discardableResult
  public func query<Input, Row>(_ statement: Statement<Input, Row>, _ input: Input) async throws -> [Row] {
    try statement.rows(try await run(statement.call(input)))
  }

  /// Runs a declared statement without a result inside the transaction. Returns how many rows it has changed.
  @discardableResult
  public func execute<Input>(_ statement: Statement<Input, Void>, _ input: Input) async throws -> Int {
    try await run(statement.call(input)).affected
  }
}
