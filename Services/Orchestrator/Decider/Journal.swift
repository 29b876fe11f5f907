public import Contracts

/// The digest under which a payload is stored (SHA-256), and its size. Histories name payloads, they do not repeat
/// them.
public struct PayloadRef: Hashable, Sendable {
  /// SHA-256 of the bytes, 64 hexadecimal digits.
  public let sha256: String
  /// Size in bytes.
  public let bytes: Int

  /// Makes a reference.
  public init(sha256: String, bytes: Int) {
    self.sha256 = sha256
    self.bytes = bytes
  }
}

/// How the attempt behind a failed one begins.
public enum NextAttempt: String, Hashable, Sendable {
  /// Behind the recorded calls, with the failure as something to answer.
  case continues
  /// From the start: the recorded answers led to the failure.
  case anew
}

/// Why a step or a run failed, for programs (`code`) and for people (`message`).
public struct Failure: Hashable, Sendable {
  /// Stable name, for example `provider_unreachable`.
  public let code: String
  /// What happened and what to do about it.
  public let message: String
  /// Whether another attempt may succeed.
  public let isRetryable: Bool
  /// How another attempt begins; `nil` for what was not an attempt of a worker, and in histories that do not know it:
  /// then it resumes from the journal, like one behind a lost attempt.
  public let next: NextAttempt?

  /// Makes a failure.
  public init(code: String, message: String, isRetryable: Bool, next: NextAttempt? = nil) {
    self.code = code
    self.message = message
    self.isRetryable = isRetryable
    self.next = next
  }

  /// The failure as the reason for an end, behind which nothing follows.
  var asEnd: Failure { Failure(code: code, message: message, isRetryable: isRetryable) }
}

/// One recorded model or tool call: the journal entry by which a resumed attempt avoids paying twice.
public struct CallRecord: Hashable, Sendable {
  /// What was called.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// A model, through the llm-router.
    case model
    /// A tool.
    case tool
    /// A call that is about to be made and must not be made twice.
    case intent
    /// What the agent noted.
    case note

    /// The type of the event that records it.
    public var eventType: String {
      switch self {
      case .model: "model.called"
      case .tool: "tool.called"
      case .intent: "tool.intended"
      case .note: "agent.noted"
      }
    }

    /// The kind that an event of this type records.
    public init?(eventType: String) {
      guard let kind = Kind.allCases.first(where: { $0.eventType == eventType }) else { return nil }
      self = kind
    }
  }

  /// The name of notes about what an agent believes: its goal, facts, open questions and plan.
  public static let beliefName = "belief"

  /// What was called.
  public let kind: Kind
  /// Position among the calls of its step, from 0.
  public let index: Int
  /// The model or tool.
  public let name: String
  /// SHA-256 of the canonical request; a resumed attempt whose request differs has diverged.
  public let requestSHA256: String
  /// The recorded answer.
  public let result: PayloadRef
  /// What the call consumed.
  public let usage: Usage
  /// How long it took, in milliseconds.
  public let durationMilliseconds: Int64

  /// Makes a record.
  public init(
    kind: Kind, index: Int, name: String, requestSHA256: String, result: PayloadRef, usage: Usage,
    durationMilliseconds: Int64
  ) {
    self.kind = kind
    self.index = index
    self.name = name
    self.requestSHA256 = requestSHA256
    self.result = result
    self.usage = usage
    self.durationMilliseconds = durationMilliseconds
  }
}
