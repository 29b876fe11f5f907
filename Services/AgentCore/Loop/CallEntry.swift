public import Contracts
public import JSON

/// A call as it is recorded in the journal of its step. Whatever a model or a provider has said, an entry is within the
/// limits of the worker protocol.
public struct CallEntry: Sendable {
  private static let nameBytesMax = 200
  private static let tokensMax: Int64 = 1_000_000_000
  private static let costMax: Int64 = 1_000_000_000_000
  private static let callsMax: Int64 = 1_000_000
  private static let millisecondsMax: Int64 = 86_400_000

  /// Whether a model was called, not a tool.
  public let isModel: Bool
  /// Its position among all calls of the step, from 0.
  public let index: Int
  /// The model or tool.
  public let name: String
  /// The digest of what was asked.
  public let requestSHA256: String
  /// What was answered, a JSON document.
  public let result: [UInt8]
  /// What it consumed.
  public let usage: Usage
  /// How long it took.
  public let milliseconds: Int64

  /// Makes an entry; the name is made storable, the numbers are brought within the protocol's limits.
  public init(
    isModel: Bool, index: Int, name: String, requestSHA256: String, result: [UInt8], usage: Usage = .zero,
    milliseconds: Int64 = 0
  ) {
    self.isModel = isModel
    self.index = index
    self.name = StorableText.make(name, bytesMax: CallEntry.nameBytesMax, fallback: "unknown")
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = Usage(
      inputTokens: CallEntry.clamp(usage.inputTokens, CallEntry.tokensMax),
      outputTokens: CallEntry.clamp(usage.outputTokens, CallEntry.tokensMax),
      costMicroUSD: CallEntry.clamp(usage.costMicroUSD, CallEntry.costMax),
      unpricedCalls: CallEntry.clamp(usage.unpricedCalls, CallEntry.callsMax),
      modelCalls: CallEntry.clamp(usage.modelCalls, CallEntry.callsMax))
    self.milliseconds = CallEntry.clamp(milliseconds, CallEntry.millisecondsMax)
  }

  private static func clamp(_ value: Int64, _ max: Int64) -> Int64 { Swift.max(0, Swift.min(value, max)) }

  /// Writes it as the worker protocol wants it.
  public func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", isModel ? "model" : "tool")
    writer.member("index", Int64(index))
    writer.member("name", name)
    writer.member("request_sha256", requestSHA256)
    writer.member("result", raw: result)
    writer.member("input_tokens", usage.inputTokens)
    writer.member("output_tokens", usage.outputTokens)
    writer.member("cost_microusd", usage.costMicroUSD)
    writer.member("unpriced_calls", usage.unpricedCalls)
    writer.member("model_calls", usage.modelCalls)
    writer.member("duration_ms", milliseconds)
    writer.endObject()
  }
}
