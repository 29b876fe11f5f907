/// Why a question has no answer.
public struct EvaluationError: Error, Hashable, Sendable {
  /// What kind of fault.
  public enum Code: String, Sendable {
    /// A rule has two values.
    case conflict = "eval_conflict_error"
    /// A built-in function cannot use a value of this type.
    case type = "eval_type_error"
    /// A built-in function failed.
    case builtIn = "eval_builtin_error"
    /// The question is beyond a limit of steps, depth or size.
    case limit = "eval_limit_error"
    /// The evaluation took too long, or nobody waits for it any more.
    case cancelled = "eval_cancel_error"
    /// Something that the question needs is missing where it is evaluated.
    case internalFault = "eval_internal_error"
  }

  /// What kind of fault.
  public let code: Code
  /// What is wrong.
  public let message: String

  /// Makes an error.
  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// What one question may take.
public struct EvaluationLimits: Sendable {
  /// Terms and statements that are looked at.
  public var stepsMax = 2_000_000
  /// Rules and functions that stand in each other.
  public var depthMax = 128
  /// Elements of one value that is made.
  public var elementsMax = 200_000
  /// Bytes of one text that is made.
  public var textBytesMax = 4 << 20
  /// Bytes of all values that are made together, those that are forgotten meanwhile included.
  public var madeBytesMax = 256 << 20
  /// Steps after which is asked whether to go on.
  static let checkSteps = 1024

  /// The standard.
  public init() {}
}
