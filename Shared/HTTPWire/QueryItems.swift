/// The parameters of a query or of a form body (`application/x-www-form-urlencoded`): `+` is a space, escapes are
/// strict.
public struct QueryItems: Sendable {
  /// One parameter; a name without `=` has an empty value.
  public struct Item: Sendable, Hashable {
    /// The decoded name.
    public let name: String
    /// The decoded value.
    public let value: String
  }

  /// Most parameters by default: far above any form, far below what makes a lookup slow.
  public static let itemsMax = 256
  /// Longest query by default, in bytes.
  public static let queryBytesMax = 64 << 10

  /// The parameters in their order; empty pieces (`&&`) are left out.
  public let items: [Item]

  /// Parses what stands behind the question mark; nil is an empty query.
  ///
  /// Throws `queryTooLong`, `tooManyQueryItems` or `invalidPercentEncoding`.
  public init(
    _ query: String?, itemsMax: Int = QueryItems.itemsMax, queryBytesMax: Int = QueryItems.queryBytesMax
  ) throws(HTTPWireError) {
    guard let query, !query.isEmpty else {
      items = []
      return
    }
    guard query.utf8.count <= queryBytesMax else { throw HTTPWireError(.queryTooLong) }
    var items: [Item] = []
    for piece in query.utf8.split(separator: 0x26) {
      if items.count >= itemsMax { throw HTTPWireError(.tooManyQueryItems) }
      let equals = piece.firstIndex(of: 0x3D)
      let name = try PercentEncoding.decode(Array(piece[..<(equals ?? piece.endIndex)]), plusIsSpace: true)
      var value = ""
      if let equals { value = try PercentEncoding.decode(Array(piece[equals...].dropFirst()), plusIsSpace: true) }
      items.append(Item(name: name, value: value))
    }
    self.items = items
  }

  /// The first value of that name.
  public subscript(name: String) -> String? { items.first { $0.name == name }?.value }

  /// All values of that name in their order.
  public func values(of name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }
}
