public import Contracts
internal import JSON

/// What an attempt begins with.
public struct AttemptStart: Sendable {
  /// A call that an earlier attempt has made and recorded.
  public struct RecordedCall: Sendable {
    /// What was called.
    public let kind: CallReport.Kind
    /// The digest of what was asked.
    public let requestSHA256: String
    /// What was answered.
    public let result: [UInt8]

    /// Makes a record.
    public init(kind: CallReport.Kind, requestSHA256: String, result: [UInt8]) {
      self.kind = kind
      self.requestSHA256 = requestSHA256
      self.result = result
    }
  }

  /// What is asked.
  public let input: AgentInput
  /// The calls of earlier attempts, in their order.
  public let journal: [RecordedCall]
  /// `nil` at first, and when the attempt before was lost.
  public let previousFailure: PreviousFailure?

  /// Makes a start.
  public init(input: AgentInput, journal: [RecordedCall] = [], previousFailure: PreviousFailure? = nil) {
    self.input = input
    self.journal = journal
    self.previousFailure = previousFailure
  }

  /// What a lease says; `nil` when its input or a recorded call cannot be read.
  public init?(_ lease: StepLease) {
    guard let input = try? JSONDocument(parsing: lease.input, limits: AttemptStart.limits) else { return nil }
    var calls: [RecordedCall] = []
    for entry in lease.journal {
      guard let digest = entry.requestSHA256 else { return nil }
      calls.append(RecordedCall(kind: entry.kind, requestSHA256: digest, result: entry.result))
    }
    self.init(
      input: AgentInput(input.root, model: lease.model), journal: calls, previousFailure: lease.previousFailure)
  }

  /// What one step holds must not be deeper than the answer that it was part of.
  private static let limits = JSONLimits(depthMax: 256)
}
