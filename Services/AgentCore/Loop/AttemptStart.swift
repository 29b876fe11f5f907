public import Contracts
internal import JSON

/// What an attempt begins with.
public struct AttemptStart: Sendable {
  /// What is asked.
  public let input: AgentInput
  /// The calls of earlier attempts, in their order.
  public let journal: [RecordedCall]
  /// What people have answered so far.
  public let answers: [StepAnswer]
  /// `nil` at first, and when the attempt before was lost.
  public let previousFailure: PreviousFailure?

  /// Makes a start.
  public init(
    input: AgentInput, journal: [RecordedCall] = [], answers: [StepAnswer] = [],
    previousFailure: PreviousFailure? = nil
  ) {
    self.input = input
    self.journal = journal
    self.answers = answers
    self.previousFailure = previousFailure
  }

  /// What a lease says; `nil` when its input or a recorded call cannot be read.
  public init?(_ lease: StepLease) {
    guard let input = try? JSONDocument(parsing: lease.input, limits: AttemptStart.limits) else { return nil }
    var calls: [RecordedCall] = []
    calls.reserveCapacity(lease.journal.count)
    for entry in lease.journal {
      guard let call = RecordedCall(entry) else { return nil }
      calls.append(call)
    }
    self.init(
      input: AgentInput(input.root, model: lease.model), journal: calls, answers: lease.answers,
      previousFailure: lease.previousFailure)
  }

  /// What one step holds must not be deeper than the answer that it was part of.
  private static let limits = JSONLimits(depthMax: 256)
}
