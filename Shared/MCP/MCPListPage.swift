public import JSON

/// One page of a list: tools, resources, templates of resources or prompts.
public struct MCPListPage<Entry: Sendable>: Sendable {
  /// The entries that could be read.
  public let entries: [Entry]
  /// Where the next page begins; `nil` on the last one.
  public let nextCursor: String?
  /// How long the server says that the list may be kept, in milliseconds; `nil` when it says nothing, as before
  /// revision 2026-07-28.
  public let lifetimeMilliseconds: Int64?
  /// Why entries were left out, one fault each: a broken definition does not hide the others.
  public let faults: [MCPError]

  /// Makes a page.
  public init(entries: [Entry], nextCursor: String? = nil) {
    self.entries = entries
    self.nextCursor = nextCursor
    lifetimeMilliseconds = nil
    faults = []
  }

  init(
    _ result: JSONView, member: String, limits: MCPLimits, _ read: (MCPObject) throws(MCPError) -> Entry
  ) throws(MCPError) {
    let object = try MCPObject(result, at: "result", limits)
    var entries: [Entry] = []
    var faults: [MCPError] = []
    for (index, element) in try object.array(member, countMax: limits.pageItemsMax).enumerated() {
      do throws(MCPError) {
        entries.append(try read(try MCPObject(element, at: "result.\(member)[\(index)]", limits)))
      } catch { faults.append(error) }
    }
    self.entries = entries
    self.faults = faults
    lifetimeMilliseconds = object.value("ttlMs")?.whole(in: 0...(1 << 53))
    nextCursor = try object.string("nextCursor", bytesMax: limits.cursorBytesMax)
  }
}

extension MCPListPage<MCPTool> {
  /// Reads the result of `tools/list`.
  public init(tools result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    try self.init(result, member: "tools", limits: limits) { (object) throws(MCPError) in try MCPTool(object) }
  }
}

extension MCPListPage<MCPResource> {
  /// Reads the result of `resources/list`.
  public init(resources result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    try self.init(result, member: "resources", limits: limits) { (object) throws(MCPError) in
      try MCPResource(object, address: "uri")
    }
  }

  /// Reads the result of `resources/templates/list`.
  public init(templates result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    try self.init(result, member: "resourceTemplates", limits: limits) { (object) throws(MCPError) in
      try MCPResource(object, address: "uriTemplate")
    }
  }
}

extension MCPListPage<MCPPrompt> {
  /// Reads the result of `prompts/list`.
  public init(prompts result: JSONView, limits: MCPLimits = .standard) throws(MCPError) {
    try self.init(result, member: "prompts", limits: limits) { (object) throws(MCPError) in try MCPPrompt(object) }
  }
}

extension MCPListPage {
  /// Writes the members of the result; `member` is `tools`, `prompts`, ...
  public func write(
    _ member: String, stateless: Bool, lifetimeMilliseconds: Int64 = 0, to writer: inout JSONWriter,
    _ entry: (Entry, inout JSONWriter) -> Void
  ) {
    if stateless {
      writer.member("resultType", "complete")
      writer.member("ttlMs", lifetimeMilliseconds)
      writer.member("cacheScope", "private")
    }
    writer.key(member)
    writer.beginArray()
    for one in entries { entry(one, &writer) }
    writer.endArray()
    writer.member("nextCursor", ifPresent: nextCursor)
  }
}
