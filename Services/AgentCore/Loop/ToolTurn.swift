internal import Contracts
internal import Crypto
internal import JSON
internal import Primitives

/// The tool calls of one turn: what has become of each, and what may happen next. Pure.
///
/// A call that only reads runs beside other readers, one that may be repeated beside others of its kind, any other
/// alone; a call waits for those before it that must not run beside it. Calls that wait for a person hold up nothing.
struct ToolTurn: Sendable {
  /// What a call waits for a person for.
  struct Gate: Hashable, Sendable {
    enum Kind: String, Hashable, Sendable {
      /// Whether it may be made.
      case approval
      /// Its result.
      case answer
      /// Something that the tool wants to know.
      case question
      /// What became of it when its worker died.
      case outcome
    }

    let kind: Kind
    let key: String
    let subject: [UInt8]
    let expiresMilliseconds: Int64?
  }

  enum Status: Hashable, Sendable {
    /// Nobody has decided about it.
    case undecided
    /// It waits for a person.
    case gated(Gate)
    /// It may be made.
    case ready
    /// It is made as soon as the journal holds everything before this index: that it is about to be made.
    case intended(until: Int)
    /// It is being made.
    case running
    /// It has ended with a text that is too long; the text is being kept.
    case keeping(ToolReport)
    /// It has its result.
    case ended(ToolReport)
  }

  struct Call: Sendable {
    let call: ToolCall
    let tool: OfferedTool?
    let digest: String
    /// Begins the keys of its questions.
    let key: String
    /// Whether its result stands in the journal: those beyond the bound of a turn do not.
    let isRecorded: Bool
    var status = Status.undecided
    /// How often it was recorded that it is about to be made.
    var intents = 0
    /// Whether the last of these has come to nothing that is known.
    var isUncertain = false
    /// Questions that the tool itself has asked.
    var questions = 0
    /// Whether a call with an unknown outcome may be made again, because a person said that it was not done.
    var mayRepeat = false

    var isEnded: Bool { if case .ended = status { true } else { false } }
    var isActive: Bool {
      switch status {
      case .ready, .intended, .running, .keeping: true
      case .undecided, .gated, .ended: false
      }
    }

    var order: OfferedTool.Order { tool?.order ?? .alone }
  }

  let number: Int
  let digest: String
  var calls: [Call]
  /// Whether somebody is asked to decide.
  var isDeciding = false

  init(number: Int, calls: [Call]) {
    self.number = number
    self.calls = calls
    digest = Hex.encode(Digest.sha256(Array("policy\n\(number)".utf8)))
  }

  var isEnded: Bool { calls.allSatisfy(\.isEnded) }
  var isActive: Bool { isDeciding || calls.contains { $0.isActive } }
  var hasUndecided: Bool { calls.contains { $0.status == .undecided } }

  /// Whether a call that takes time is on its way or about to be.
  var hasSlowCall: Bool {
    calls.contains { call in
      switch call.status {
      case .ready, .running, .keeping: !(call.tool?.isInstant ?? false)
      case .intended: true
      case .undecided, .gated, .ended: false
      }
    }
  }

  /// The places of calls that may begin now, in their order, when `width` may run side by side.
  func startable(width: Int) -> [Int] {
    var places: [Int] = []
    var active = calls.count {
      switch $0.status {
      case .intended, .running, .keeping: true
      default: false
      }
    }
    for (place, call) in calls.enumerated() {
      guard case .ready = call.status, active < max(1, width) else { continue }
      let before = calls[..<place].contains { other in
        other.isActive && (other.order != call.order || call.order == .alone)
      }
      // What was begun behind it, because it waited for a person, must end first, too.
      let behind = calls[(place + 1)...].contains { other in
        switch other.status {
        case .intended, .running, .keeping: other.order != call.order || call.order == .alone
        default: false
        }
      }
      guard !before, !behind else { continue }
      places.append(place)
      active += 1
    }
    return places
  }

  /// What people have to be asked, and for how long by the rules of the step.
  func asks(_ rules: QuestionRules) -> [StepAsk] {
    calls.compactMap { call in
      guard case .gated(let gate) = call.status else { return nil }
      let kind: StepAsk.Kind =
        switch gate.kind {
        case .approval: .approval
        case .answer, .question: .question
        case .outcome: .unknownOutcome
        }
      return StepAsk(
        key: gate.key, kind: kind, tool: call.call.name, subject: gate.subject,
        expiresMilliseconds: rules.expires(of: call.call.name, own: gate.expiresMilliseconds))
    }
  }
}
