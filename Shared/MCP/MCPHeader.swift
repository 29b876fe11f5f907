internal import Primitives

/// Header fields of streamable HTTP and the form of their values.
public enum MCPHeader {
  /// The revision of the request.
  public static let protocolVersion = "mcp-protocol-version"
  /// The method of the request (2026-07-28).
  public static let method = "mcp-method"
  /// `params.name` or `params.uri` of the request (2026-07-28).
  public static let name = "mcp-name"
  /// The session (2025-11-25 and before).
  public static let session = "mcp-session-id"
  /// Before the name of a header that repeats an argument (2026-07-28).
  public static let parameterPrefix = "mcp-param-"

  private static let opening = "=?base64?"
  private static let closing = "?="

  /// A value as it stands in a header: itself when it is visible ASCII, else in base64 between marks.
  public static func encode(_ value: String) -> String {
    let isPlain =
      value.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F } && value.utf8.first != 0x20 && value.utf8.last != 0x20
      && !value.isEmpty && !(value.hasPrefix(opening) && value.hasSuffix(closing))
    return isPlain ? value : opening + Base64.encode(Array(value.utf8)) + closing
  }

  /// The value that a header stands for; `nil` when its base64 or UTF-8 is broken.
  public static func decode(_ header: String) -> String? {
    guard header.hasPrefix(opening), header.hasSuffix(closing),
      header.utf8.count >= opening.utf8.count + closing.utf8.count
    else { return header }
    let inner = header.dropFirst(opening.count).dropLast(closing.count)
    return Base64.decode(unpadded: Base64.withoutPadding(Array(inner.utf8))).flatMap {
      String(validating: $0, as: UTF8.self)
    }
  }

  /// The member of the parameters that `Mcp-Name` repeats; `nil` for methods without one.
  public static func nameMember(of method: String) -> String? {
    switch method {
    case "tools/call", "prompts/get": "name"
    case "resources/read": "uri"
    default: nil
    }
  }
}
