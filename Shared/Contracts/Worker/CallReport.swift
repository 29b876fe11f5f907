/// A call of a model or tool as a worker reports it for the journal, or what it noted between them.
public struct CallReport: Hashable, Sendable {
  /// What was called.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A model, through the llm-router.
    case model
    /// A tool.
    case tool
    /// A call that is not idempotent is about to be made: what became of it is recorded as a `tool` behind it.
    case intent
    /// What the agent noted for itself and for people, for example a belief state or a decision of a policy; the name
    /// tells which.
    case note
  }

  /// What was called.
  public let kind: Kind
  /// Its position among all calls of the step, from 0.
  public let index: Int
  /// The model or tool.
  public let name: String
  /// The digest of what was asked, 64 hexadecimal digits.
  public let requestSHA256: String
  /// What was answered, a JSON document.
  public let result: [UInt8]
  /// What it consumed.
  public let usage: Usage
  /// How long it took.
  public let durationMilliseconds: Int64

  /// Makes a report. Whatever a provider has sent, it is within the limits of the protocol: the name is made storable,
  /// numbers become the nearest possible ones.
  public init(
    kind: Kind, index: Int, name: String, requestSHA256: String, result: [UInt8], usage: Usage = .zero,
    durationMilliseconds: Int64 = 0
  ) {
    func count(_ value: Int64) -> Int64 { max(0, min(value, WorkerLimits.countMax)) }
    self.kind = kind
    self.index = index
    self.name = StorableText.make(name, bytesMax: WorkerLimits.callNameBytesMax, fallback: "unknown")
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = Usage(
      inputTokens: count(usage.inputTokens), outputTokens: count(usage.outputTokens),
      costMicroUSD: count(usage.costMicroUSD), unpricedCalls: count(usage.unpricedCalls),
      modelCalls: count(usage.modelCalls))
    self.durationMilliseconds = count(durationMilliseconds)
  }
}
