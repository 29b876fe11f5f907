public import JSON

/// The headers that repeat arguments of a tool (2026-07-28, `x-mcp-header` in the tool's input schema).
public struct MCPParameterHeaders: Sendable {
  private static let keyword = "x-mcp-header"
  private static let headersMax = 64

  private struct Binding: Sendable {
    let header: String
    let path: [String]
  }

  private var bindings: [Binding] = []

  /// Finds the headers of a schema. Throws when the schema uses the keyword where it must not: such a tool is left out.
  public init(inputSchema: JSONView) throws(MCPError) {
    try collect(inputSchema, [], 0)
    // Whatever stands elsewhere makes the definition invalid.
    guard bindings.count == Self.count(inputSchema, isPropertyMap: false) else {
      throw MCPError(.invalidResult, "\(Self.keyword) stands where it is not allowed")
    }
  }

  /// Whether there are none.
  public var isEmpty: Bool { bindings.isEmpty }

  /// Names and values for these arguments. Whole numbers beyond 2^53 have no header.
  public func headers(for arguments: JSONView) -> [(name: String, value: String)] {
    bindings.compactMap { binding in
      var value = arguments
      for key in binding.path {
        guard let next = value[key] else { return nil }
        value = next
      }
      let text: String? =
        switch value.kind {
        case .string: value.string
        case .true: "true"
        case .false: "false"
        case .number: value.whole(in: -9_007_199_254_740_991...9_007_199_254_740_991).map { String($0) }
        default: nil
        }
      return text.map { (MCPHeader.parameterPrefix + binding.header.lowercased(), MCPHeader.encode($0)) }
    }
  }

  private mutating func collect(_ schema: JSONView, _ path: [String], _ depth: Int) throws(MCPError) {
    guard depth < 32, let properties = schema["properties"] else { return }
    for (key, property) in properties.members {
      let here = path + [key.string ?? ""]
      if let name = property[Self.keyword] {
        let header = name.string ?? ""
        guard !header.isEmpty, header.utf8.count <= 64, header.utf8.allSatisfy(Self.isTokenByte),
          ["string", "integer", "boolean"].contains(property["type"]?.string ?? ""),
          !bindings.contains(where: { $0.header.lowercased() == header.lowercased() }),
          bindings.count < Self.headersMax
        else { throw MCPError(.invalidResult, "\(Self.keyword) of a parameter is not allowed") }
        bindings.append(Binding(header: header, path: here))
      }
      try collect(property, here, depth + 1)
    }
  }

  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  /// How often the keyword stands anywhere in a schema. A parameter may be called like the keyword.
  private static func count(_ value: JSONView, isPropertyMap: Bool) -> Int {
    switch value.kind {
    case .object:
      value.members.reduce(0) { sum, member in
        let isKeyword = !isPropertyMap && member.key.string == keyword
        let isMap = !isPropertyMap && member.key.string == "properties"
        return sum + (isKeyword ? 1 : 0) + count(member.value, isPropertyMap: isMap)
      }
    case .array: value.elements.reduce(0) { $0 + count($1, isPropertyMap: false) }
    default: 0
    }
  }
}
