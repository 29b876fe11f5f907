/// What a kind of provider takes. One table for all of them; `WireRules` brings a request into its bounds, whatever
/// dialect the request came in.
public struct ProviderRules: Sendable, Hashable {
  /// The letters a to z, digits, `_` and `-` of a tool's name at most.
  public var toolNameLengthMax: Int
  /// Bytes of a tool call's id at most.
  public var callIDLengthMax: Int
  /// Whether such an id has letters, digits, `_` and `-` only.
  public var callIDsArePlain: Bool
  /// Bytes of the name of an end user at most. Longer ones become a digest, which is as stable.
  public var userLengthMax: Int
  /// Stop sequences at most; nil: not known.
  public var stopsMax: Int?
  /// The highest temperature.
  public var temperatureMax: Double
  /// Whether temperature and top_p may be given together.
  public var takesTemperatureWithTopP: Bool
  /// The member that bounds the answer of a chat completion.
  public var outputBound: String
  /// Whether the other name for that bound is refused there.
  public var refusesOtherBound: Bool
  /// Whether the role `developer` is known.
  public var takesDeveloperRole: Bool
  /// Whether tools without a schema (`custom`) are known.
  public var takesCustomTools: Bool
  /// Whether the thoughts of a turn with tool calls go back in `reasoning_content`.
  public var takesReasoningContent: Bool
  /// Whether parts and tools may carry `cache_control` in chat completions.
  public var takesCacheMarks: Bool
  /// Whether unknown members of an assistant's message are refused.
  public var isStrictAboutAssistants: Bool
  /// Whether a tool's schema may be a choice (`anyOf`, `oneOf`, `allOf`) at its root.
  public var takesSchemaChoices: Bool
  /// Whether documents are fetched there by their address.
  public var fetchesDocuments: Bool
  /// The levels of reasoning effort, in rising order.
  public var efforts: [String]

  /// `openai`, by the published reference of its API.
  public static let openai = ProviderRules(
    toolNameLengthMax: 64, callIDLengthMax: 40, callIDsArePlain: false, userLengthMax: 64, stopsMax: 4,
    temperatureMax: 2, takesTemperatureWithTopP: true, outputBound: "max_completion_tokens", refusesOtherBound: true,
    takesDeveloperRole: true, takesCustomTools: true, takesReasoningContent: false, takesCacheMarks: false,
    isStrictAboutAssistants: true, takesSchemaChoices: false, fetchesDocuments: false,
    efforts: ["none", "minimal", "low", "medium", "high", "xhigh"])

  /// `compatible`: what is common to those who speak chat completions.
  public static let compatible = ProviderRules(
    toolNameLengthMax: 64, callIDLengthMax: 64, callIDsArePlain: false, userLengthMax: 64, stopsMax: nil,
    temperatureMax: 2, takesTemperatureWithTopP: true, outputBound: "max_tokens", refusesOtherBound: false,
    takesDeveloperRole: false, takesCustomTools: false, takesReasoningContent: true, takesCacheMarks: true,
    isStrictAboutAssistants: false, takesSchemaChoices: true, fetchesDocuments: false,
    efforts: ["none", "low", "medium", "high"])

  /// `vllm`.
  public static let vllm = compatible

  /// `ollama`.
  public static let ollama = compatible

  /// `gemini`, by its interface for clients of OpenAI.
  public static let gemini: ProviderRules = {
    var rules = compatible
    rules.stopsMax = 5
    rules.takesReasoningContent = false
    rules.takesCacheMarks = false
    return rules
  }()

  /// `anthropic`, by the published reference of its API.
  public static let anthropic = ProviderRules(
    toolNameLengthMax: 128, callIDLengthMax: 64, callIDsArePlain: true, userLengthMax: 256, stopsMax: nil,
    temperatureMax: 1, takesTemperatureWithTopP: false, outputBound: "max_tokens", refusesOtherBound: true,
    takesDeveloperRole: false, takesCustomTools: false, takesReasoningContent: false, takesCacheMarks: true,
    isStrictAboutAssistants: true, takesSchemaChoices: false, fetchesDocuments: true,
    efforts: ["low", "medium", "high", "max"])
}
