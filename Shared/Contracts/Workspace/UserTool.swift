public import JSON

/// A tool that a user has uploaded, in its newest version.
public struct UserTool: Hashable, Sendable {
  /// The lowest risk: it is code that nobody has read, and the sandbox that holds it has no network. A manifest can
  /// raise it.
  public static let riskMin = ToolRisk.execute

  /// What models and policies see. Its risk is no lower than `riskMin`, whatever was stored.
  public let definition: ToolDefinition
  /// What carries it out.
  public let runtime: ToolRuntime
  /// The digest of the source, 64 hexadecimal digits. One digest is one source, for ever.
  public let sourceSHA256: String
  /// The version, from 1.
  public let version: Int64

  /// Makes a tool.
  public init(definition: ToolDefinition, runtime: ToolRuntime, sourceSHA256: String, version: Int64) {
    self.definition = definition.atLeast(UserTool.riskMin)
    self.runtime = runtime
    self.sourceSHA256 = sourceSHA256
    self.version = version
  }

  /// Reads a tool; `nil` when it cannot be used.
  public init?(_ view: JSONView) {
    guard let definition = ToolDefinition(view),
      let runtime = view["runtime"]?.string.flatMap({ ToolRuntime(rawValue: $0) }),
      let sourceSHA256 = view["source_sha256"]?.string, let version = view["version"]?.int
    else { return nil }
    self.init(definition: definition, runtime: runtime, sourceSHA256: sourceSHA256, version: version)
  }

  /// Writes the members of the document.
  public func writeMembers(to writer: inout JSONWriter) {
    definition.writeMembers(to: &writer)
    writer.member("runtime", runtime.rawValue)
    writer.member("source_sha256", sourceSHA256)
    writer.member("version", version)
  }
}
