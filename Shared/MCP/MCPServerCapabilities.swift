public import JSON

/// What a server offers.
public struct MCPServerCapabilities: Hashable, Sendable {
  /// Tools.
  public var tools = false
  /// Resources.
  public var resources = false
  /// Prompts.
  public var prompts = false
  /// Notifies when the list of tools changes.
  public var toolsListChanged = false
  /// Notifies when the list of resources changes.
  public var resourcesListChanged = false
  /// Notifies when the list of prompts changes.
  public var promptsListChanged = false

  /// Offers nothing.
  public init() {}

  init(_ object: MCPObject) throws(MCPError) {
    if let tools = try object.object("tools") {
      self.tools = true
      toolsListChanged = try tools.bool("listChanged") ?? false
    }
    if let resources = try object.object("resources") {
      self.resources = true
      resourcesListChanged = try resources.bool("listChanged") ?? false
    }
    if let prompts = try object.object("prompts") {
      self.prompts = true
      promptsListChanged = try prompts.bool("listChanged") ?? false
    }
  }

  /// Writes them as an object.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    let groups = [
      ("tools", tools, toolsListChanged), ("resources", resources, resourcesListChanged),
      ("prompts", prompts, promptsListChanged),
    ]
    for (name, isOffered, isNotified) in groups where isOffered {
      writer.key(name)
      writer.beginObject()
      if isNotified { writer.member("listChanged", true) }
      writer.endObject()
    }
    writer.endObject()
  }
}
