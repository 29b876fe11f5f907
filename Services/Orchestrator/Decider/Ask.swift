public import Contracts

/// What a step asks people before it goes on, as its history has it.
public struct Ask: Hashable, Sendable {
  /// Questions that a step may ask over all its attempts since its journal began.
  public static let ofStepMax = 1000

  /// Unique among the questions of the step.
  public let key: String
  /// What kind of answer is wanted.
  public let kind: StepAsk.Kind
  /// The tool that it is about.
  public let tool: String?
  /// What people read; an approval holds for exactly that.
  public let subject: PayloadRef
  /// How long it waits for its answer.
  public let expiresMilliseconds: Int64?

  /// Makes a question.
  public init(key: String, kind: StepAsk.Kind, tool: String?, subject: PayloadRef, expiresMilliseconds: Int64?) {
    self.key = key
    self.kind = kind
    self.tool = tool
    self.subject = subject
    self.expiresMilliseconds = expiresMilliseconds
  }

  /// Whether another attempt asks the same again.
  func isSame(as other: Ask) -> Bool {
    kind == other.kind && tool == other.tool && subject.sha256 == other.subject.sha256
  }
}

/// What a person has answered.
public struct AskAnswer: Hashable, Sendable {
  /// What became of the question, as lists show it.
  public enum Outcome: String, Hashable, Sendable, CaseIterable {
    /// The call may be made.
    case approved
    /// It may not.
    case rejected
    /// Something was said.
    case answered
  }

  /// What became of the question.
  public let outcome: Outcome
  /// The answer as a document, for the worker.
  public let answer: PayloadRef
  /// Who answered.
  public let by: String
  /// Why.
  public let comment: String
  /// When, in microseconds since 1970.
  public let at: Int64

  /// Makes an answer.
  public init(outcome: Outcome, answer: PayloadRef, by: String, comment: String, at: Int64) {
    self.outcome = outcome
    self.answer = answer
    self.by = by
    self.comment = comment
    self.at = at
  }
}

extension RunState {
  /// A question of a step, and what became of it.
  public struct StepQuestion: Hashable, Sendable {
    /// What became of a question.
    public enum Status: Hashable, Sendable {
      /// It waits for its answer.
      case open
      /// A person has answered.
      case answered(AskAnswer)
      /// Nobody has, in time: in microseconds since 1970.
      case expired(at: Int64)
    }

    /// What is asked.
    public let ask: Ask
    /// The attempt that asked.
    public let attempt: Int
    /// What became of it.
    public internal(set) var status = Status.open
  }

  /// What the step has asked people since its journal began, in order.
  public func questions(of step: Step) -> [StepQuestion] { places[step.key].flatMap { questions[$0] } ?? [] }

  /// What the step believes, as it noted last.
  public func belief(of step: Step) -> PayloadRef? { places[step.key].flatMap { beliefs[$0] } }

  /// Whether the step has given its lease back to wait for people.
  public func isSuspended(_ step: Step) -> Bool { step.status == .waiting && definitions[step.definition].isWork }

  /// Whether any question of the run has a time limit.
  public var hasQuestionLimits: Bool {
    questions.values.contains { $0.contains { $0.ask.expiresMilliseconds != nil } }
  }
}
