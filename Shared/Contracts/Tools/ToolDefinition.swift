internal import Crypto
internal import JSON
internal import Primitives

/// A tool as models and policies see it. Data only: what runs it is found by its name and source.
public struct ToolDefinition: Hashable, Sendable {
  /// Longest name; what all providers take.
  public static let nameBytesMax = 64
  /// Longest description.
  public static let descriptionBytesMax = 8 << 10
  /// Largest schema of the parameters.
  public static let parametersBytesMax = 64 << 10
  /// Longest time-out: an hour.
  public static let timeoutMillisecondsMax: Int64 = 3_600_000
  /// Largest limit of a result's text: a mebibyte.
  public static let resultBytesLimit: Int64 = 1 << 20

  /// 1 to 64 of `A-Z a-z 0-9 _ -`; tools of MCP servers are named `SERVER__TOOL`.
  public let name: String
  /// What it does and when to use it, for models.
  public let description: String
  /// JSON Schema of the arguments, which are an object.
  public let parameters: [UInt8]
  /// What it can do at worst.
  public let risk: ToolRisk
  /// Whether the same call made twice has the effect of one. Calls of other tools are journalled before they are made.
  public let isIdempotent: Bool
  /// Whether the same call may answer something else later although nothing was written. Such calls are never answered
  /// from an earlier one.
  public let isVolatile: Bool
  /// Time for one call.
  public let timeoutMilliseconds: Int64
  /// Bytes of a result's text that a model gets; the rest is cut out of the middle.
  public let resultBytesMax: Int64
  /// Where it comes from.
  public let source: ToolSource

  /// Makes a definition. Nothing is checked: see `isWithinLimits`.
  public init(
    name: String, description: String, parameters: [UInt8], risk: ToolRisk, isIdempotent: Bool,
    isVolatile: Bool = false, timeoutMilliseconds: Int64 = 30_000, resultBytesMax: Int64 = 32 << 10,
    source: ToolSource
  ) {
    self.name = name
    self.description = description
    self.parameters = parameters
    self.risk = risk
    self.isIdempotent = isIdempotent
    self.isVolatile = isVolatile
    self.timeoutMilliseconds = timeoutMilliseconds
    self.resultBytesMax = resultBytesMax
    self.source = source
  }

  /// The same with a risk that is no lower than `floor`.
  public func atLeast(_ floor: ToolRisk) -> ToolDefinition {
    guard risk < floor else { return self }
    return ToolDefinition(
      name: name, description: description, parameters: parameters, risk: floor, isIdempotent: isIdempotent,
      isVolatile: isVolatile, timeoutMilliseconds: timeoutMilliseconds, resultBytesMax: resultBytesMax, source: source)
  }

  /// Whether a name can be a tool's.
  public static func isName(_ name: String) -> Bool {
    (1...nameBytesMax).contains(name.utf8.count)
      && name.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x5F
          || $0 == 0x2D
      }
  }

  /// Whether name, sizes and times are allowed and the parameters are a JSON object. The schema itself is checked by
  /// who compiles it.
  public var isWithinLimits: Bool {
    ToolDefinition.isName(name) && description.utf8.count <= ToolDefinition.descriptionBytesMax
      && !description.utf8.contains(0) && parameters.count <= ToolDefinition.parametersBytesMax
      && (1...ToolDefinition.timeoutMillisecondsMax).contains(timeoutMilliseconds)
      && (1...ToolDefinition.resultBytesLimit).contains(resultBytesMax)
      && (try? JSONDocument(parsing: parameters, limits: ToolDefinition.limits))?.root.kind == .object
  }

  static let limits = JSONLimits(depthMax: 64, bytesMax: parametersBytesMax, nodesMax: 20_000)

  /// Digest of what the tool says and may do, 64 hexadecimal digits: everything but how long it may take and how much
  /// it may answer, which are limits of whoever offers it.
  public var sha256: String {
    var writer = JSONWriter()
    writer.beginObject()
    writeMeaning(to: &writer)
    writer.endObject()
    // What is no JSON has the digest of its bytes: it is refused elsewhere, and must equal nothing that is accepted.
    let canonical =
      (try? JSONDocument(parsing: writer.bytes)).map { $0.root.canonicalBytes() } ?? writer.bytes
    return Hex.encode(Digest.sha256(canonical))
  }
}
