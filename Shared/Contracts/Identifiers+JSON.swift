public import JSON

extension JSONWriter {
  /// Writes a member with the wire form of an id.
  public mutating func member<Kind>(_ name: String, id: ID<Kind>) {
    key(name)
    id.withText { string(utf8: $0) }
  }
}
