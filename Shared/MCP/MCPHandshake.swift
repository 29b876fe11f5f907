public import JSON

/// What a server says of itself: the result of `server/discover` or `initialize`.
public struct MCPHandshake: Sendable {
  static let serverKey = "io.modelcontextprotocol/serverInfo"
  private static let revisionsMax = 32

  /// The revisions that the server supports; the one it has chosen in the session era.
  public let revisions: [String]
  /// What the server offers.
  public let capabilities: MCPServerCapabilities
  /// The server's name and version.
  public let server: MCPImplementation?
  /// How the server is to be used, for models.
  public let instructions: String?
  /// How long this may be remembered, in milliseconds.
  public let lifetimeMilliseconds: Int64

  /// Makes one.
  public init(
    revisions: [String], capabilities: MCPServerCapabilities, server: MCPImplementation?, instructions: String? = nil,
    lifetimeMilliseconds: Int64 = 0
  ) {
    self.revisions = revisions
    self.capabilities = capabilities
    self.server = server
    self.instructions = instructions
    self.lifetimeMilliseconds = lifetimeMilliseconds
  }

  /// Reads the result of `server/discover`.
  public init(discovery result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    let object = try MCPObject(result, at: "result", limits)
    var revisions: [String] = []
    for element in try object.array("supportedVersions", countMax: Self.revisionsMax) {
      guard let text = element.string, text.utf8.count <= 64 else {
        throw object.fault("supportedVersions", "holds something that is no version")
      }
      revisions.append(text)
    }
    self.revisions = revisions
    capabilities = try MCPServerCapabilities(try object.requiredObject("capabilities"))
    if let info = try object.object("_meta")?.object(Self.serverKey) {
      server = try MCPImplementation(info)
    } else {
      server = nil
    }
    instructions = try object.text("instructions", bytesMax: limits.descriptionBytesMax)
    lifetimeMilliseconds = object.value("ttlMs")?.whole(in: 0...(1 << 53)) ?? 0
  }

  /// Reads the result of `initialize`.
  public init(initialization result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    let object = try MCPObject(result, at: "result", limits)
    revisions = [try object.requiredString("protocolVersion", bytesMax: 64)]
    capabilities = try MCPServerCapabilities(try object.requiredObject("capabilities"))
    server = try MCPImplementation(try object.requiredObject("serverInfo"))
    instructions = try object.text("instructions", bytesMax: limits.descriptionBytesMax)
    lifetimeMilliseconds = 0
  }

  /// Writes the members of the result of `server/discover`.
  public func writeDiscovery(to writer: inout JSONWriter) {
    writer.member("resultType", "complete")
    writer.member("supportedVersions", revisions)
    writeCommon(to: &writer)
    writer.member("ttlMs", lifetimeMilliseconds)
    writer.member("cacheScope", "public")
    if let server { MCPHandshake.writeServer(server, to: &writer) }
  }

  /// Writes the members of the result of `initialize`.
  public func writeInitialization(to writer: inout JSONWriter) {
    writer.member("protocolVersion", revisions.first ?? MCPRevision.newestWithSessions.rawValue)
    writeCommon(to: &writer)
    if let server {
      writer.key("serverInfo")
      server.write(to: &writer)
    }
  }

  private func writeCommon(to writer: inout JSONWriter) {
    writer.key("capabilities")
    capabilities.write(to: &writer)
    writer.member("instructions", ifPresent: instructions)
  }

  /// Writes `_meta` with the server's name, which results of the stateless era should have.
  public static func writeServer(_ server: MCPImplementation, to writer: inout JSONWriter) {
    writer.key("_meta")
    writer.beginObject()
    writer.key(serverKey)
    server.write(to: &writer)
    writer.endObject()
  }
}
