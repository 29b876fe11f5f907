public import Contracts

/// What a call gave.
public struct ToolResult: Sendable {
  /// What the model reads.
  public var text: String
  /// Whether the call failed; the text says why, so that the model can do better.
  public var isError: Bool
  /// A stable name of the failure or of a special success, for metrics and histories; see `ToolResultCode`.
  public var code: String?
  /// Files that the call stored.
  public var artefacts: [ArtefactReference]
  /// What the call consumed, by name, for example `("fuel", 120000)`.
  public var metering: [(String, Int64)]
  /// The result as a JSON document, where it has one.
  public var data: [UInt8]?
  /// What a person has to answer before the call can end. The step waits, and the call is made again with the answer.
  public var ask: ToolAsk?

  /// Makes a result.
  public init(
    text: String, isError: Bool = false, code: String? = nil, artefacts: [ArtefactReference] = [],
    metering: [(String, Int64)] = [], data: [UInt8]? = nil, ask: ToolAsk? = nil
  ) {
    self.text = text
    self.isError = isError
    self.code = code
    self.artefacts = artefacts
    self.metering = metering
    self.data = data
    self.ask = ask
  }

  /// A failure that the model reads.
  public static func failure(_ code: ToolResultCode, _ text: String) -> ToolResult {
    ToolResult(text: "error: \(text)", isError: true, code: code.rawValue)
  }

  /// A call that waits for a person.
  public static func waiting(for ask: ToolAsk) -> ToolResult {
    ToolResult(text: "", code: ToolResultCode.waiting.rawValue, ask: ask)
  }
}
