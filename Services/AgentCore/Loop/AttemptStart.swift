public import JSON

/// What an attempt begins with.
public struct AttemptStart: Sendable {
  /// A call that an earlier attempt has made and recorded.
  public struct RecordedCall: Sendable {
    /// Whether a model was called, not a tool.
    public let isModel: Bool
    /// The digest of what was asked.
    public let requestSHA256: String
    /// What was answered.
    public let result: [UInt8]

    /// Makes a record.
    public init(isModel: Bool, requestSHA256: String, result: [UInt8]) {
      self.isModel = isModel
      self.requestSHA256 = requestSHA256
      self.result = result
    }
  }

  /// How the attempt before has failed.
  public struct PreviousFailure: Sendable {
    /// A stable name.
    public let code: String
    /// What was wrong, in a sentence that the model can use.
    public let message: String
    /// Whether the journal holds the calls of that attempt, to be gone on with.
    public let continues: Bool

    /// Makes a failure.
    public init(code: String, message: String, continues: Bool) {
      self.code = code
      self.message = message
      self.continues = continues
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

  /// Reads `input`, `model`, `journal` and `previous_failure` of a lease; `nil` when there is no input, or a recorded
  /// call cannot be read.
  public init?(lease view: JSONView) {
    guard let input = view["input"] else { return nil }
    var calls: [RecordedCall] = []
    if let journal = view["journal"] {
      for entry in journal.elements {
        guard let digest = entry["call"]?["request_sha256"]?.string, let result = entry["result"] else { return nil }
        calls.append(
          RecordedCall(
            isModel: entry["kind"]?.string == "model", requestSHA256: digest, result: Array(result.rawBytes)))
      }
    }
    let failure = view["previous_failure"].flatMap { failure in
      failure.kind != .object
        ? nil
        : PreviousFailure(
          code: failure["code"]?.string ?? "unknown", message: failure["message"]?.string ?? "No reason was given.",
          continues: failure["continues"]?.bool ?? false)
    }
    self.init(input: AgentInput(input, model: view["model"]?.string), journal: calls, previousFailure: failure)
  }
}
