/// Collects the parameters of a statement while its text is built.
public final class StatementBuilder<Input: Sendable> {
  private(set) var parameters: [StatementParameter<Input>] = []
  private var declaredRows: [() -> StatementRowSet] = []

  init() {}

  /// Declares a parameter: its name, its type, and the value that it takes from the input, `nil` for NULL. Returns how
  /// it is written in the text.
  @inlinable
  public func callAsFunction<Value>(
    _ name: String, _ type: PostgresType<Value>, _ value: @escaping @Sendable (Input) -> Value?
  ) -> String {
    declare(name, type.name, Value.arrayElementType) { input, bytes in
      value(input)?.encodeElement(to: &bytes) ?? false
    }
  }

  /// Declares a parameter that is an array, as `any(...)` takes it.
  @inlinable
  public func array<Value>(
    _ name: String, of type: PostgresType<Value>, _ values: @escaping @Sendable (Input) -> [Value]
  ) -> String {
    declare(name, type.name + "[]", Value.arrayTypeOfArray) { input, bytes in
      PostgresArrayEncoding.encode(values(input), Value.arrayElementType, to: &bytes) { $0.encodeElement(to: &$1) }
      return true
    }
  }

  /// Declares rows that travel as one array for each column, whatever their number. In the text the result stands for
  /// `unnest(...) as alias(column, ...)`.
  public func rows<Element>(
    _ alias: String, _ elements: @escaping @Sendable (Input) -> [Element]
  ) -> StatementRows<Input, Element> {
    let rows = StatementRows(builder: self, alias: alias, elements: elements)
    declaredRows.append { StatementRowSet(alias: alias, columns: rows.columns.map(\.name)) }
    return rows
  }

  /// The rows that were declared; the builder lets go of them.
  func takeRowSets() -> [StatementRowSet] {
    defer { declaredRows = [] }
    return declaredRows.map { $0() }
  }

  @usableFromInline
  func declare(
    _ name: String, _ typeName: String, _ type: UInt32,
    _ encode: @escaping @Sendable (Input, inout [UInt8]) -> Bool
  ) -> String {
    parameters.append(StatementParameter(name: name, type: type, encode: encode))
    return "$\(parameters.count)::\(typeName)"
  }
}

/// The columns of rows that are a parameter of a statement.
public final class StatementRows<Input: Sendable, Element: Sendable>: CustomStringConvertible {
  @usableFromInline let builder: StatementBuilder<Input>
  @usableFromInline let elements: @Sendable (Input) -> [Element]
  private let alias: String
  private(set) var columns: [(name: String, parameter: String)] = []

  init(builder: StatementBuilder<Input>, alias: String, elements: @escaping @Sendable (Input) -> [Element]) {
    self.builder = builder
    self.alias = alias
    self.elements = elements
  }

  /// Declares a column: its name, its type, and the value that it takes from a row, `nil` for NULL. Returns how the
  /// whole column is written as an array.
  @discardableResult
  @inlinable
  public func callAsFunction<Value>(
    _ name: String, _ type: PostgresType<Value>, _ value: @escaping @Sendable (Element) -> Value?
  ) -> String {
    let elements = self.elements
    let parameter = builder.declare(name, type.name + "[]", Value.arrayTypeOfArray) { input, bytes in
      PostgresArrayEncoding.encode(elements(input), Value.arrayElementType, to: &bytes) { element, bytes in
        value(element)?.encodeElement(to: &bytes) ?? false
      }
      return true
    }
    add(name, parameter)
    return parameter
  }

  @usableFromInline
  func add(_ name: String, _ parameter: String) { columns.append((name, parameter)) }

  /// `unnest(...) as alias(column, ...)`
  public var description: String {
    let arrays = columns.map(\.parameter).joined(separator: ", ")
    return "unnest(\(arrays)) as \(alias)(\(columns.map(\.name).joined(separator: ", ")))"
  }
}

/// Rows as they were declared.
struct StatementRowSet: Sendable {
  let alias: String
  let columns: [String]
}
