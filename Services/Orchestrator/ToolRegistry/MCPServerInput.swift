package import Contracts
internal import HTTPWire
package import JSON

/// An MCP server as its users write it down, over what stood before.
package struct MCPServerInput: Sendable {
  package static let nameBytesMax = 24
  private static let argumentsMax = 64
  private static let argumentBytesMax = 4096
  private static let secretsMax = 32
  private static let secretNameBytesMax = 128
  private static let secretBytesMax = 8 << 10
  private static let timeoutMilliseconds: Int64 = 30_000

  package let name: String
  package let transport: RegisteredMCPServer.Transport
  package let trust: RegisteredMCPServer.Trust
  /// Whether a program asks for the network.
  package let usesNetwork: Bool
  package let timeoutMilliseconds: Int64
  package let isEnabled: Bool
  /// Values that replace all that were stored; `nil` keeps those.
  package let secrets: MCPSecrets?

  /// Reads a document. Throws every fault of it.
  package init(_ root: JSONView, over before: MCPServerRow? = nil) throws(JSONFieldsError) {
    var fields = JSONFields(root)
    let name = fields.string("name", isRequired: before == nil, bytesMax: MCPServerInput.nameBytesMax)
    if let name {
      if !MCPServerInput.isName(name) {
        fields.note("name", .malformed, "Letters, digits and - are expected, with a letter or digit first.")
      } else if let before, before.server.name != name {
        fields.note("name", .notAllowed, "The name stays: the names of tools begin with it.")
      }
    }
    let kind =
      fields.string("transport", isRequired: before == nil, bytesMax: 10, allowed: ["stdio", "http"])
      ?? before?.server.transport.kind
    let (transport, secrets) =
      kind == "http"
      ? MCPServerInput.http(&fields, before) : MCPServerInput.stdio(&fields, before)
    let trust = fields.string(
      "trust", bytesMax: 10, allowed: RegisteredMCPServer.Trust.allCases.map(\.rawValue))
    let usesNetwork = fields.bool("network")
    if usesNetwork == true, kind == "http" {
      fields.note("network", .notAllowed, "Only a program asks for the network; a server over HTTP is on it.")
    }
    let timeout = fields.int("timeout_ms", in: 100...ToolDefinition.timeoutMillisecondsMax)
    let isEnabled = fields.bool("enabled")
    if let before, before.secrets != nil, secrets == nil, let transport,
      !transport.reaches(sameAs: before.server.transport)
    {
      fields.note(
        transport.kind == "http" ? "headers" : "environment", .required,
        "The stored values would reach another place; give them again, or an empty object.")
    }
    try fields.finish()
    guard let transport, let name = name ?? before?.server.name else {
      throw JSONFieldsError(of: .init(pointer: "", code: .required, detail: ""))
    }
    self.name = name
    self.transport = transport
    self.trust = trust.flatMap { RegisteredMCPServer.Trust(rawValue: $0) } ?? before?.server.trust ?? .approve
    self.usesNetwork = transport.kind == "stdio" && (usesNetwork ?? before?.server.usesNetwork ?? false)
    timeoutMilliseconds = timeout ?? before?.server.timeoutMilliseconds ?? MCPServerInput.timeoutMilliseconds
    self.isEnabled = isEnabled ?? before?.isEnabled ?? true
    self.secrets = secrets
  }

  /// Whether a name can be a server's.
  package static func isName(_ name: String) -> Bool {
    (1...nameBytesMax).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: "-")
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
      }
  }

  private typealias Reached = (transport: RegisteredMCPServer.Transport?, secrets: MCPSecrets?)

  private static func stdio(_ fields: inout JSONFields, _ before: MCPServerRow?) -> Reached {
    var old: (command: String, arguments: [String], names: [String])?
    if case .stdio(let command, let arguments, let names) = before?.server.transport {
      old = (command, arguments, names)
    }
    let command = fields.string("command", isRequired: old == nil, bytesMax: argumentBytesMax) ?? old?.command
    if let command, !command.hasPrefix("/") {
      fields.note("command", .malformed, "The absolute path of a program is expected.")
    }
    let arguments =
      fields.strings("arguments", countMax: argumentsMax, bytesMax: argumentBytesMax) ?? old?.arguments ?? []
    let secrets = secrets("environment", &fields, fault: MCPServerFaults.ofVariable) { $0 }
    guard let command else { return (nil, secrets) }
    return (
      .stdio(command: command, arguments: arguments, environmentNames: secrets?.names ?? old?.names ?? []), secrets
    )
  }

  private static func http(_ fields: inout JSONFields, _ before: MCPServerRow?) -> Reached {
    var old: (url: String, names: [String])?
    if case .http(let url, let names) = before?.server.transport { old = (url, names) }
    let url = fields.string("url", isRequired: old == nil, bytesMax: 2048) ?? old?.url
    if let url, let fault = MCPServerFaults.ofURL(url) { fields.note("url", .malformed, fault) }
    let secrets = secrets("headers", &fields, fault: MCPServerFaults.ofHeader) { $0.lowercased() }
    guard let url else { return (nil, secrets) }
    return (.http(url: url, headerNames: secrets?.names ?? old?.names ?? []), secrets)
  }

  private static func secrets(
    _ member: String, _ fields: inout JSONFields, fault: (String, String) -> String?, name: (String) -> String
  ) -> MCPSecrets? {
    guard let object = fields.value(member) else { return nil }
    guard object.kind == .object, object.count <= secretsMax else {
      fields.note(member, .type, "An object of at most \(secretsMax) texts is expected.")
      return nil
    }
    var values: [String: String] = [:]
    for (key, value) in object.members {
      let key = name(key.string ?? "")
      guard let text = value.string, text.utf8.count <= secretBytesMax, key.utf8.count <= secretNameBytesMax else {
        fields.note(member, .type, "Texts of at most \(secretBytesMax) bytes are expected.")
        return nil
      }
      if let fault = fault(key, text) {
        // The name may be part of what is wrong, and no value is repeated.
        fields.note(member, .malformed, fault)
        return nil
      }
      values[key] = text
    }
    return MCPSecrets(values)
  }
}

/// What of an MCP server cannot be used.
enum MCPServerFaults {
  /// Variables by which a program can be made to load other code than its own, whatever was allowed.
  private static let loading: Set<String> = [
    "PATH", "HOME", "SHELL", "IFS", "ENV", "BASH_ENV", "NODE_OPTIONS", "NODE_PATH", "PERL5OPT", "PERL5LIB", "PERLLIB",
    "RUBYOPT", "RUBYLIB", "GCONV_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH",
    "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH", "OPENSSL_CONF", "OPENSSL_MODULES", "LOCPATH", "TMPDIR", "EDITOR",
    "PAGER", "DENO_DIR", "BUN_OPTIONS", "LUA_PATH", "LUA_CPATH", "LUA_INIT", "R_HOME", "GEM_PATH", "GEM_HOME",
  ]
  private static let loadingPrefixes = [
    "LD_", "DYLD_", "PYTHON", "MALLOC_", "GLIBC_", "BASH_FUNC", "NPM_CONFIG", "UV_", "PIP_", "DOTNET_", "COMPLUS_",
    "CADRE_",
  ]

  /// Fields that belong to the protocol or to the connection.
  private static let reserved: Set<String> = [
    "host", "content-length", "content-type", "transfer-encoding", "connection", "upgrade", "te", "trailer", "accept",
    "accept-encoding", "expect", "keep-alive", "proxy-authorization", "proxy-connection", "last-event-id",
  ]

  static func ofVariable(_ name: String, _ value: String) -> String? {
    let isName =
      name.utf8.first.map { !(0x30...0x39).contains($0) } ?? false
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
      }
    guard isName else { return "Names of variables have letters, digits and _, and begin with no digit." }
    let upper = name.uppercased()
    guard !loading.contains(upper), !loadingPrefixes.contains(where: { upper.hasPrefix($0) }) else {
      return "A variable by which a program can be made to load other code is not allowed."
    }
    return value.utf8.contains(0) ? "Values hold no U+0000." : nil
  }

  static func ofHeader(_ name: String, _ value: String) -> String? {
    let isName =
      !name.isEmpty
      && name.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F }
    guard isName else { return "Names of header fields have letters, digits, - and _." }
    guard !reserved.contains(name), !name.hasPrefix("mcp-"), !name.hasPrefix("x-cadre-") else {
      return "A header field that belongs to the protocol is not allowed."
    }
    return value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } ? nil : "Values hold no control characters."
  }

  static func ofURL(_ text: String) -> String? {
    guard (try? HTTPURL(text)) != nil, !text.contains("@"), !text.contains("#") else {
      return "An address with http or https is expected, without user and fragment."
    }
    return nil
  }
}

extension RegisteredMCPServer.Transport {
  /// Whether what is sent reaches the same place: the same program with the same arguments, the same address.
  func reaches(sameAs other: Self) -> Bool {
    switch (self, other) {
    case (.stdio(let command, let arguments, _), .stdio(let otherCommand, let otherArguments, _)):
      command == otherCommand && arguments == otherArguments
    case (.http(let url, _), .http(let otherURL, _)): url == otherURL
    default: false
    }
  }
}
