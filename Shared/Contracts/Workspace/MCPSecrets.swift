public import JSON

/// The values that reach an MCP server: its environment, or the header fields of requests to it. They are shown to
/// nobody and stand in no log: descriptions hold names alone.
public struct MCPSecrets: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
  /// By name. Of header fields the names have small letters.
  public let values: [String: String]

  /// Takes values.
  public init(_ values: [String: String] = [:]) { self.values = values }

  /// The names, in their order.
  public var names: [String] { values.keys.sorted() }

  /// The names alone.
  public var description: String { "secrets: \(names.joined(separator: ", "))" }
  /// Without children.
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Reads `{"values": {...}}`; `nil` for anything else.
  public init?(_ view: JSONView) {
    guard let members = view["values"], members.kind == .object else { return nil }
    var values: [String: String] = [:]
    for (key, value) in members.members {
      guard let name = key.string, let text = value.string else { return nil }
      values[name] = text
    }
    self.init(values)
  }

  /// Writes the members of the document.
  public func writeMembers(to writer: inout JSONWriter) {
    writer.key("values")
    writer.beginObject()
    for name in names { writer.member(name, values[name] ?? "") }
    writer.endObject()
  }
}
