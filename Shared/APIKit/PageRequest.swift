public import Contracts
public import HTTP
public import HTTPWire

/// Which page of a list is asked for: `?limit=20&cursor=…`.
public struct PageRequest<Kind: IdentifiedKind>: Sendable {
  /// Rows of the page.
  public let limit: Int
  /// The last row of the page before; `nil` for the first page.
  public let cursor: ID<Kind>?

  /// Reads the items of a query. Throws a 400 `Problem`.
  public init(_ query: QueryItems, standard: Int = 20, max: Int = 100) throws(Problem) {
    limit = try QueryParameter.limit(query, standard: standard, max: max)
    cursor = try QueryParameter.id(query, "cursor", hint: "Use next_cursor of an earlier answer.")
  }

  /// How many rows the page needs of the store: one more shows that another page follows.
  public var rows: Int { limit + 1 }
}
