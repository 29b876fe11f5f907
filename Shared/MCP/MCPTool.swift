public import JSON

/// A tool as its server defines it.
public struct MCPTool: Sendable {
  /// The name that calls use.
  public let name: String
  /// A name for people.
  public let title: String?
  /// What it does, for models.
  public let description: String?
  /// The JSON Schema of the arguments, an object.
  public let inputSchema: JSONDocument
  /// The JSON Schema of the structured content.
  public let outputSchema: JSONDocument?
  /// What the server says about the effects. A hint: a server may lie.
  public let annotations: MCPToolAnnotations

  /// Makes a tool.
  public init(
    name: String, title: String? = nil, description: String?, inputSchema: JSONDocument,
    outputSchema: JSONDocument? = nil, annotations: MCPToolAnnotations = MCPToolAnnotations()
  ) {
    self.name = name
    self.title = title
    self.description = description
    self.inputSchema = inputSchema
    self.outputSchema = outputSchema
    self.annotations = annotations
  }

  init(_ object: MCPObject) throws(MCPError) {
    let limits = object.limits
    name = try object.requiredString("name", bytesMax: limits.nameBytesMax)
    guard !name.isEmpty, name == MCPText.plain(name), !name.utf8.contains(0x0A), !name.utf8.contains(0x09) else {
      throw object.fault("name", "is empty or has control characters")
    }
    title = try object.text("title", bytesMax: limits.nameBytesMax)
    description = try object.text("description", bytesMax: limits.descriptionBytesMax)
    let input = try object.requiredObject("inputSchema")
    guard input.view["type"]?.string == "object" else {
      throw object.fault("inputSchema.type", "is not \"object\"")
    }
    inputSchema = try MCPTool.schema(input, limits)
    outputSchema = try object.object("outputSchema").map { (found) throws(MCPError) in try MCPTool.schema(found, limits)
    }
    annotations =
      try object.object("annotations").map { (found) throws(MCPError) in try MCPToolAnnotations(found) }
      ?? MCPToolAnnotations()
  }

  private static func schema(_ object: MCPObject, _ limits: MCPLimits) throws(MCPError) -> JSONDocument {
    let bytes = object.view.rawBytes
    guard bytes.count <= limits.schemaBytesMax, let copy = try? JSONDocument(parsing: Array(bytes)) else {
      throw object.fault("", "is larger than \(limits.schemaBytesMax) bytes")
    }
    return copy
  }

  /// Writes the tool as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("name", name)
    writer.member("title", ifPresent: title)
    writer.member("description", ifPresent: description)
    writer.member("inputSchema", raw: inputSchema.bytes)
    if let outputSchema { writer.member("outputSchema", raw: outputSchema.bytes) }
    annotations.write(to: &writer)
    writer.endObject()
  }
}

/// What a server says about the effects of a tool.
public struct MCPToolAnnotations: Hashable, Sendable {
  /// Changes nothing.
  public var readOnly: Bool?
  /// May destroy something.
  public var destructive: Bool?
  /// Doing it twice has the effect of doing it once.
  public var idempotent: Bool?
  /// Reaches beyond the server, into the web for example.
  public var openWorld: Bool?

  /// Makes annotations.
  public init(readOnly: Bool? = nil, destructive: Bool? = nil, idempotent: Bool? = nil, openWorld: Bool? = nil) {
    self.readOnly = readOnly
    self.destructive = destructive
    self.idempotent = idempotent
    self.openWorld = openWorld
  }

  init(_ object: MCPObject) throws(MCPError) {
    readOnly = try object.bool("readOnlyHint")
    destructive = try object.bool("destructiveHint")
    idempotent = try object.bool("idempotentHint")
    openWorld = try object.bool("openWorldHint")
  }

  func write(to writer: inout JSONWriter) {
    guard self != MCPToolAnnotations() else { return }
    writer.key("annotations")
    writer.beginObject()
    for (name, value) in [
      ("readOnlyHint", readOnly), ("destructiveHint", destructive), ("idempotentHint", idempotent),
      ("openWorldHint", openWorld),
    ] {
      if let value { writer.member(name, value) }
    }
    writer.endObject()
  }
}
