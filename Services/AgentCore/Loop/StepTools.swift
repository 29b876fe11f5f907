public import Contracts

/// How the loop has tools decided about and run.
public protocol StepTools: Sendable {
  /// The tools that the step may use, in the order in which the model sees them. Asked at most once in an attempt.
  /// Throws `AgentFailure` when tools that the step names are not there, and `CancellationError`.
  func offer() async throws -> [OfferedTool]
  /// Decides about calls of one turn before any of them is made; the answer has as many elements, in the same order.
  /// `earlier` are the calls that have ended since the last decision, those of earlier attempts included. Throws
  /// `CancellationError`.
  func decide(_ calls: [StepToolCall], after earlier: [EndedToolCall]) async throws -> [StepToolDecision]
  /// Makes a call. Wrong arguments, time-outs and failures are results. Throws `CancellationError`.
  func run(_ call: StepToolCall) async throws -> StepToolOutcome
  /// Keeps a text that is too long for a conversation as an artefact of the run; `nil` when that cannot be done. Throws
  /// `CancellationError`.
  func keep(_ text: String, as name: String, of call: StepToolCall) async throws -> ArtefactReference?
}

/// A tool as the loop needs to know it.
public struct OfferedTool: Hashable, Sendable {
  /// What may run beside it.
  public enum Order: String, Hashable, Sendable {
    /// It changes nothing: other readers.
    case reading
    /// It changes something, and twice is the same as once: others of its kind.
    case repeatable
    /// Neither: nothing, and a call is recorded before it is made.
    case alone
  }

  /// The name, 1 to 64 letters, digits, `_` and `-`.
  public let name: String
  /// What it is for.
  public let description: String
  /// JSON Schema of its arguments, an object.
  public let parameters: [UInt8]
  /// What may run beside it.
  public let order: Order
  /// The risk as a step's `approve` names it.
  public let risk: String
  /// Whether the same call may answer otherwise later, also when nothing was written in between.
  public let isVolatile: Bool
  /// Whether it computes at once, so that its result is recorded together with the model's answer.
  public let isInstant: Bool
  /// Says what it is: a tool that has become another one since the step began is not called. Empty where that is not
  /// known.
  public let digest: String

  /// Makes a tool.
  public init(
    name: String, description: String, parameters: [UInt8], order: Order, risk: String, isVolatile: Bool = false,
    isInstant: Bool = false, digest: String = ""
  ) {
    self.name = name
    self.description = description
    self.parameters = parameters
    self.order = order
    self.risk = risk
    self.isVolatile = isVolatile
    self.isInstant = isInstant
    self.digest = digest
  }
}

/// A call that a model asks for.
public struct StepToolCall: Sendable {
  /// The tool.
  public let name: String
  /// The arguments as the model has written them, the text of an object.
  public let arguments: String
  /// The same for every try at this call of the step, and for no other call of it.
  public let key: String
  /// What people have answered to this call, in the order of the questions.
  public let answers: [StepAnswer]
  /// The digest of the tool that was offered.
  public let digest: String

  /// Makes a call.
  public init(name: String, arguments: String, key: String, answers: [StepAnswer] = [], digest: String = "") {
    self.digest = digest
    self.name = name
    self.arguments = arguments
    self.key = key
    self.answers = answers
  }
}

/// A call that has ended.
public struct EndedToolCall: Sendable {
  /// As in `StepToolCall`.
  public let key: String
  /// The tool.
  public let name: String
  /// The arguments, the text of an object.
  public let arguments: String
  /// What came of it.
  public let report: ToolReport
}

/// What is to become of a call.
public struct StepToolDecision: Sendable {
  /// What is to become of it.
  public enum Verdict: Sendable {
    /// It is made.
    case run
    /// It is not made. What the model reads; `nil` is the reason.
    case deny(ToolReport?)
    /// It is made when a person approves. The subject is what the person reads, a JSON document.
    case approve(subject: [UInt8], expiresMilliseconds: Int64?)
    /// What a person answers is its result.
    case question(subject: [UInt8], expiresMilliseconds: Int64?)
    /// Its result is known already.
    case known(ToolReport)
  }

  /// What is to become of it.
  public let verdict: Verdict
  /// The rule that decided.
  public let rule: String
  /// A sentence.
  public let reason: String

  /// Makes a decision.
  public init(_ verdict: Verdict, rule: String = "", reason: String = "") {
    self.verdict = verdict
    self.rule = rule
    self.reason = reason
  }
}

/// What came of a call.
public enum StepToolOutcome: Sendable {
  /// A result, which may be an error.
  case report(ToolReport)
  /// The call cannot go on before a person has answered this. It is made again with the answer.
  case question(subject: [UInt8], expiresMilliseconds: Int64?)
}

/// The result of a call.
public struct ToolReport: Hashable, Sendable {
  /// What the model reads.
  public var text: String
  /// Whether the call failed.
  public var isError: Bool
  /// A stable name of what happened, for histories.
  public var code: String?
  /// Files that it made.
  public var artefacts: [ArtefactReference]
  /// What it consumed, in the order in which it is shown.
  public var metering: [Metering]
  /// How long it took.
  public var durationMilliseconds: Int64

  /// One figure of what a call consumed.
  public struct Metering: Hashable, Sendable {
    /// For example `fuel`.
    public let name: String
    /// The figure.
    public let value: Int64

    /// Makes a figure.
    public init(_ name: String, _ value: Int64) {
      self.name = name
      self.value = value
    }
  }

  /// Makes a result.
  public init(
    text: String, isError: Bool = false, code: String? = nil, artefacts: [ArtefactReference] = [],
    metering: [Metering] = [], durationMilliseconds: Int64 = 0
  ) {
    self.text = text
    self.isError = isError
    self.code = code
    self.artefacts = artefacts
    self.metering = metering
    self.durationMilliseconds = durationMilliseconds
  }

  /// A failure in the form in which models get all failures.
  public static func error(_ code: String, _ message: String) -> ToolReport {
    ToolReport(text: "error: \(message)", isError: true, code: code)
  }
}
