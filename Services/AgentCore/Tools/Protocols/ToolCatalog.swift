public import Contracts
public import JSON

/// The tools that a step has, by name, in the order in which models see them.
public struct ToolCatalog: Sendable {
  /// One tool of the step.
  public struct Entry: Sendable {
    /// What models see.
    public let definition: ToolDefinition
    /// What runs its calls.
    public let executor: any ToolExecutor

    /// Makes an entry.
    public init(_ definition: ToolDefinition, _ executor: any ToolExecutor) {
      self.definition = definition
      self.executor = executor
    }
  }

  /// Most tools of a step; providers take no more.
  public static let toolsMax = 128

  /// Names that stood in histories before a tool was renamed.
  private static let formerNames = ["calculate": "calculator"]

  /// The tools.
  public let entries: [Entry]
  /// Names of the step's document that lead to no tool, for the log and the journal.
  public let missing: [String]
  private let places: [String: Int]

  /// Makes a catalogue. Of two tools of one name the first stays.
  public init(_ entries: [Entry], missing: [String] = []) {
    var kept: [Entry] = []
    var places: [String: Int] = [:]
    for entry in entries where kept.count < ToolCatalog.toolsMax && places[entry.definition.name] == nil {
      places[entry.definition.name] = kept.count
      kept.append(entry)
    }
    self.entries = kept
    self.missing = missing
    self.places = places
  }

  /// The tool of a name, or of the name that it had before.
  public func entry(_ name: String) -> Entry? {
    (places[name] ?? ToolCatalog.formerNames[name].flatMap { places[$0] }).map { entries[$0] }
  }

  /// Writes the tools as chat completions want them: a list of functions. The same catalogue gives the same bytes.
  public func writeDeclarations(to writer: inout JSONWriter) {
    writer.beginArray()
    for entry in entries {
      writer.beginObject()
      writer.member("type", "function")
      writer.key("function")
      writer.beginObject()
      writer.member("name", entry.definition.name)
      writer.member("description", entry.definition.description)
      writer.member("parameters", raw: entry.definition.parameters)
      writer.endObject()
      writer.endObject()
    }
    writer.endArray()
  }
}
