public import JSON

/// `_meta` of a request: its context in the stateless era, and what both eras have.
public struct MCPRequestMetadata: Sendable {
  private static let prefix = "io.modelcontextprotocol/"
  static let versionKey = prefix + "protocolVersion"
  static let capabilitiesKey = prefix + "clientCapabilities"
  static let clientKey = prefix + "clientInfo"

  /// The revision of the request; `nil` in the session era. Not checked: it may be one that nobody knows.
  public var revision: String?
  /// Who asks.
  public var client: MCPImplementation?
  /// What the client offers; `nil` in the session era.
  public var capabilities: MCPClientCapabilities?
  /// Under which progress is notified.
  public var progressToken: MCPRequestID?
  /// The W3C trace context.
  public var traceparent: String?

  /// Makes metadata.
  public init(
    revision: String? = nil, client: MCPImplementation? = nil, capabilities: MCPClientCapabilities? = nil,
    progressToken: MCPRequestID? = nil, traceparent: String? = nil
  ) {
    self.revision = revision
    self.client = client
    self.capabilities = capabilities
    self.progressToken = progressToken
    self.traceparent = traceparent
  }

  /// Reads `_meta` of the parameters of a request; all members are `nil` when there is none.
  public init(params: JSONView?, limits: MCPLimits = .standard) throws(MCPError) {
    guard let meta = params?["_meta"], !meta.isNull else { return }
    let object = try MCPObject(meta, at: "params._meta", limits)
    revision = try object.string(Self.versionKey, bytesMax: 64)
    if let value = try object.object(Self.clientKey) { client = try MCPImplementation(value) }
    if let value = try object.object(Self.capabilitiesKey) { capabilities = try MCPClientCapabilities(value) }
    if let value = object.value("progressToken") {
      guard let token = MCPRequestID(value, bytesMax: limits.idBytesMax) else {
        throw object.fault("progressToken", "is neither a whole number nor a string")
      }
      progressToken = token
    }
    traceparent = try object.string("traceparent", bytesMax: 256)
  }

  /// Whether the request belongs to the stateless era.
  public var isStateless: Bool { revision != nil }

  /// Writes the member `_meta`; nothing when it would be empty.
  public func write(to writer: inout JSONWriter) {
    guard revision != nil || client != nil || capabilities != nil || progressToken != nil || traceparent != nil else {
      return
    }
    writer.key("_meta")
    writer.beginObject()
    writer.member(Self.versionKey, ifPresent: revision)
    if let client {
      writer.key(Self.clientKey)
      client.write(to: &writer)
    }
    if let capabilities {
      writer.key(Self.capabilitiesKey)
      capabilities.write(to: &writer)
    }
    if let progressToken {
      writer.key("progressToken")
      progressToken.write(to: &writer)
    }
    writer.member("traceparent", ifPresent: traceparent)
    writer.endObject()
  }
}
