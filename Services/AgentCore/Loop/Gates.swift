internal import Contracts
internal import Crypto
internal import JSON
internal import Primitives

/// What people are asked about tool calls, and what their answers mean. Pure.
enum Gates {
  /// What an answer means for a call.
  enum Opened {
    /// It is made.
    case run
    /// It is over.
    case report(ToolReport)
  }

  /// What an answer means.
  static func opened(_ gate: ToolTurn.Gate, by answer: StepAnswer) -> Opened {
    let root = (try? JSONDocument(parsing: answer.answer))?.root
    let isExpired = root?["expired"]?.bool ?? false
    switch gate.kind {
    case .approval:
      if isExpired { return .report(.error("approval_expired", "nobody has approved the call in time")) }
      if root?["approved"]?.bool == true { return .run }
      let comment = root?["comment"]?.string ?? ""
      return .report(
        .error("approval_rejected", "a person has rejected the call\(comment.isEmpty ? "" : ": \(comment)")"))
    case .answer:
      if isExpired { return .report(.error("question_expired", "nobody has answered in time")) }
      return .report(ToolReport(text: text(root, answer)))
    case .question: return .run
    case .outcome:
      switch root?["outcome"]?.string {
      case "not_done": return .run
      case "done":
        return .report(ToolReport(text: root?["result"]?.string ?? "The call was made; its result is not known."))
      case "failed": return .report(.error("failed", root?["message"]?.string ?? "the call failed"))
      default:
        return .report(
          .error("outcome_unknown", "the call may have been made or not; nobody could say. Do not repeat it blindly"))
      }
    }
  }

  private static func text(_ root: JSONView?, _ answer: StepAnswer) -> String {
    root?["text"]?.string ?? root?.string ?? String(decoding: answer.answer, as: UTF8.self)
  }

  // MARK: Documents

  /// What a person reads about a call whose outcome is not known: the call, or its digest when it is too large.
  static func subject(_ call: ToolCall) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("tool", call.name)
    if call.arguments.utf8.count <= WorkerLimits.askSubjectBytesMax / 2 {
      writer.member("arguments", raw: Array(call.arguments.utf8))
    } else {
      writer.member("arguments_bytes", Int64(call.arguments.utf8.count))
      writer.member("arguments_sha256", Hex.encode(Digest.sha256(Array(call.arguments.utf8))))
    }
    writer.endObject()
    return writer.bytes
  }

  /// The record of a call that is about to be made.
  static func intent(_ call: ToolTurn.Call) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("key", call.key)
    writer.member("try", Int64(call.intents + 1))
    writer.endObject()
    return writer.bytes
  }

  /// The note of decisions about the calls of a turn.
  static func policy(_ decisions: [(place: Int, decision: StepToolDecision)], _ turn: ToolTurn) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.objects("calls", decisions) { entry, writer in
      writer.member("position", Int64(entry.place))
      writer.member("tool", turn.calls[entry.place].call.name)
      let gate = gate(of: entry.decision, key: turn.calls[entry.place].key)
      writer.member("verdict", word(entry.decision.verdict))
      if !entry.decision.rule.isEmpty { writer.member("rule", entry.decision.rule) }
      if !entry.decision.reason.isEmpty { writer.member("reason", entry.decision.reason) }
      if let gate {
        writer.key("ask")
        write(gate, to: &writer)
      }
    }
    writer.endObject()
    return writer.bytes
  }

  private static func word(_ verdict: StepToolDecision.Verdict) -> String {
    switch verdict {
    case .run: "run"
    case .deny: "deny"
    case .approve: "approve"
    case .question: "question"
    case .known: "known"
    }
  }

  /// How a call stands after a decision that the journal holds.
  static func status(ofPolicy view: JSONView) -> ToolTurn.Status {
    switch view["verdict"]?.string {
    // A result that was known is found again, or is not needed: then its entry follows.
    case "run", "known": return .ready
    // One that was denied has its result in an entry that follows, or is decided again.
    default: return view["ask"].flatMap { read($0) }.map { .gated($0) } ?? .undecided
    }
  }

  /// What a decision makes a call wait for.
  static func status(of decision: StepToolDecision, key: String) -> ToolTurn.Status? {
    gate(of: decision, key: key).map { .gated($0) }
  }

  private static func gate(of decision: StepToolDecision, key: String) -> ToolTurn.Gate? {
    switch decision.verdict {
    case .approve(let subject, let expires):
      ToolTurn.Gate(kind: .approval, key: "\(key).a", subject: subject, expiresMilliseconds: expires)
    case .question(let subject, let expires):
      ToolTurn.Gate(kind: .answer, key: "\(key).h", subject: subject, expiresMilliseconds: expires)
    case .run, .deny, .known: nil
    }
  }

  static func document(_ gate: ToolTurn.Gate) -> [UInt8] {
    var writer = JSONWriter()
    write(gate, to: &writer)
    return writer.bytes
  }

  private static func write(_ gate: ToolTurn.Gate, to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", gate.kind.rawValue)
    writer.member("key", gate.key)
    writer.member("subject", raw: gate.subject)
    writer.member("expires_ms", ifPresent: gate.expiresMilliseconds)
    writer.endObject()
  }

  static func read(_ bytes: [UInt8]) -> ToolTurn.Gate? { (try? JSONDocument(parsing: bytes)).flatMap { read($0.root) } }

  private static func read(_ view: JSONView) -> ToolTurn.Gate? {
    guard let kind = view["kind"]?.string.flatMap({ ToolTurn.Gate.Kind(rawValue: $0) }),
      let key = view["key"]?.string, let subject = view["subject"]
    else { return nil }
    return ToolTurn.Gate(
      kind: kind, key: key, subject: Array(subject.rawBytes), expiresMilliseconds: view["expires_ms"]?.int)
  }
}
