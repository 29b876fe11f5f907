internal import AgentTools
internal import Contracts
internal import Crypto
internal import JSON
internal import Primitives

/// One attempt of one step: the model and its tools in turns until there is an answer.
///
/// Every call is recorded before its result is used for another one; the last is recorded together with the outcome. A
/// repeated attempt is answered from the record as far as it reaches, so that nothing is paid twice. An attempt that
/// goes on after a failed one shows the model what was wrong with its answer, and records that too: so the next one
/// finds the same conversation.
public struct AgentLoop: Sendable {
  /// Model calls after the last failure.
  static let turnsMax = 16
  /// Tool calls of one turn that are run; those beyond are answered with an error.
  static let toolCallsPerTurnMax = 128
  /// Tool calls of one turn that are answered at all.
  static let answeredCallsPerTurnMax = 1024
  /// Largest conversation.
  static let conversationBytesMax = 16 << 20

  private let start: AttemptStart
  private let models: any ModelCalling
  private let recorder: any CallRecording

  /// Makes the loop of an attempt.
  public init(_ start: AttemptStart, models: any ModelCalling, recorder: any CallRecording) {
    self.start = start
    self.models = models
    self.recorder = recorder
  }

  /// Runs the attempt. Throws `AgentFailure`, with the calls that are not recorded yet, or what ends the attempt.
  public func run() async throws -> AttemptResult {
    var conversation = Conversation(start.input)
    var index = 0
    var turns = 0
    while true {
      guard turns < AgentLoop.turnsMax else {
        throw AgentFailure(
          code: "turn_limit", message: "The agent has not come to an answer within \(AgentLoop.turnsMax) model calls.",
          isRetryable: false)
      }
      turns += 1
      let (document, fresh) = try await callModel(&conversation, index)
      let paid = fresh.map { [$0] } ?? []
      index += 1
      guard let answer = ModelAnswer(document.root, turn: index) else {
        throw AgentFailure(
          code: "model_garbage", message: "The model's answer has no message.", isRetryable: true, calls: paid)
      }
      if case .calls(let calls) = answer.verdict {
        let made = try take(calls, of: answer, &conversation, &index, paid)
        if !made.isEmpty { try await recorder.record(made) }
        continue
      }
      // An answer from the record that did not end the step is one that could not be used.
      if fresh == nil, let feedback = try await feedback(index) {
        conversation.append(unusable: answer, feedback: feedback)
        index += 1
        turns = 0
        continue
      }
      if case .unusable(let failure) = answer.verdict { throw failure.with(paid) }
      return AttemptResult(output: output(answer), calls: paid)
    }
  }

  private func output(_ answer: ModelAnswer) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("answer", answer.text)
    writer.member("model", answer.model ?? start.input.model)
    writer.member("finish_reason", answer.finishReason)
    writer.endObject()
    return writer.bytes
  }

  private func digest(_ request: [UInt8]) -> String { Hex.encode(Digest.sha256(request)) }

  // MARK: Models

  private func callModel(_ conversation: inout Conversation, _ index: Int) async throws -> (JSONDocument, CallReport?) {
    var request = conversation.request()
    if index < start.journal.count {
      let entry = start.journal[index]
      guard entry.kind == .model else { throw AgentFailure.divergence(index) }
      if entry.requestSHA256 != digest(request) {
        // The earlier attempt may have learned here that the model cannot use tools.
        guard conversation.canDropTools else { throw AgentFailure.divergence(index) }
        conversation.dropTools()
        guard entry.requestSHA256 == digest(conversation.request()) else { throw AgentFailure.divergence(index) }
      }
      guard let document = try? JSONDocument(parsing: entry.result) else { throw AgentFailure.divergence(index) }
      return (document, nil)
    }
    guard request.count <= AgentLoop.conversationBytesMax else {
      throw AgentFailure(
        code: "conversation_too_large",
        message: "The conversation has \(request.count) bytes; \(AgentLoop.conversationBytesMax) are allowed.",
        isRetryable: false)
    }
    let reply: ModelReply
    do {
      reply = try await models.complete(request)
    } catch let failure as AgentFailure where conversation.canDropTools && ToolRefusal.isMeant(by: failure) {
      // Tools are an offer, not a need: the model is asked without.
      conversation.dropTools()
      request = conversation.request()
      reply = try await models.complete(request)
    }
    return (
      reply.document,
      CallReport(
        kind: .model, index: index, name: reply.model, requestSHA256: digest(request), result: reply.document.bytes,
        usage: reply.usage, durationMilliseconds: reply.milliseconds)
    )
  }

  // MARK: Tools

  /// Runs the tools of a turn and takes everything up into the conversation. Every call has an answer, as providers
  /// demand. Returns what has to be recorded.
  private func take(
    _ calls: [ToolCall], of answer: ModelAnswer, _ conversation: inout Conversation, _ index: inout Int,
    _ paid: [CallReport]
  ) throws(AgentFailure) -> [CallReport] {
    guard calls.count <= AgentLoop.answeredCallsPerTurnMax else {
      throw AgentFailure(
        code: "model_garbage", message: "The model asked for \(calls.count) tool calls at once.", isRetryable: true,
        calls: paid)
    }
    var made = paid
    conversation.append(answer, calls: calls)
    for (position, call) in calls.enumerated() {
      guard position < AgentLoop.toolCallsPerTurnMax else {
        conversation.append(
          toolResult: "error: only \(AgentLoop.toolCallsPerTurnMax) calls of a turn are run; this one was not", of: call
        )
        continue
      }
      let (text, entry) = try run(call, index)
      if let entry { made.append(entry) }
      conversation.append(toolResult: text, of: call)
      index += 1
    }
    return made
  }

  private func run(_ call: ToolCall, _ index: Int) throws(AgentFailure) -> (String, CallReport?) {
    let digest = digest(Array("\(call.name)\n\(call.arguments)".utf8))
    if index < start.journal.count {
      let entry = start.journal[index]
      guard entry.kind == .tool, entry.requestSHA256 == digest,
        let text = (try? JSONDocument(parsing: entry.result))?.root["text"]?.string
      else { throw AgentFailure.divergence(index) }
      return (text, nil)
    }
    let text = Toolbox.run(call.name, arguments: call.isWellFormed ? call.arguments : nil)
    return (text, entry(call.name, index, digest, "text", text))
  }

  private func entry(_ name: String, _ index: Int, _ digest: String, _ member: String, _ text: String) -> CallReport {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member(member, text)
    writer.endObject()
    return CallReport(kind: .tool, index: index, name: name, requestSHA256: digest, result: writer.bytes)
  }

  // MARK: Failures

  /// The feedback to the model about the recorded answer before `index`; `nil` when nothing was wrong with it. Words of
  /// an earlier attempt stand in the record; new ones are recorded before they are used.
  private func feedback(_ index: Int) async throws -> String? {
    if index < start.journal.count {
      let entry = start.journal[index]
      guard entry.kind == .tool, let text = (try? JSONDocument(parsing: entry.result))?.root["feedback"]?.string,
        entry.requestSHA256 == digest(Array(text.utf8))
      else { throw AgentFailure.divergence(index) }
      return text
    }
    guard let failure = start.previousFailure, failure.continues else { return nil }
    let reason = StorableText.make(failure.message, bytesMax: 4000, fallback: failure.code)
    let end = reason.last.map { ".!?…".contains($0) } ?? false ? "" : "."
    let text = "Your last answer could not be used: \(reason)\(end) Answer again."
    try await recorder.record([
      entry("previous_failure", index, digest(Array(text.utf8)), "feedback", text)
    ])
    return text
  }
}
