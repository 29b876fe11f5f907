internal import Contracts
internal import Crypto
internal import JSON
internal import Primitives
internal import Telemetry

/// One attempt of one step: the model and its tools in turns until there is an answer.
///
/// Every call is recorded before its result is used for another one; the last is recorded together with the result. A
/// repeated attempt is answered from the record as far as it reaches, so that nothing is paid twice.
struct AgentLoop: Sendable {
  /// Model calls of one attempt.
  private static let turnsMax = 16
  private static let toolCallsPerTurnMax = 16

  let step: LeasedStep
  let models: ModelClient
  let worker: WorkerClient
  let trace: TraceContext

  /// Runs the attempt. Throws `AgentFailure`, `LeaseLost` or `CancellationError`.
  func run() async throws -> AttemptResult {
    var conversation = Conversation(step.input)
    var index = 0
    for _ in 0..<AgentLoop.turnsMax {
      let (answer, fresh) = try await callModel(conversation.request(), index)
      index += 1
      guard let choice = answer.root["choices"]?[0], let message = choice["message"], message.kind == .object else {
        throw AgentFailure(code: "model_garbage", message: "The model's answer has no message.", isRetryable: true)
      }
      let wanted = Array((message["tool_calls"].map { Array($0.elements) } ?? []).prefix(AgentLoop.toolCallsPerTurnMax))
      if wanted.isEmpty {
        return AttemptResult(output: output(message, choice, answer.root), calls: fresh.map { [$0] } ?? [])
      }
      if let fresh { try await worker.record([fresh], for: step) }
      conversation.append(assistant: message)
      for call in wanted {
        let (text, entry) = try runTool(call, index)
        if let entry { try await worker.record([entry], for: step) }
        conversation.append(toolResult: text, of: call["id"]?.string ?? "")
        index += 1
      }
    }
    throw AgentFailure(
      code: "turn_limit", message: "The agent has not come to an answer within \(AgentLoop.turnsMax) model calls.",
      isRetryable: false)
  }

  private func output(_ message: JSONView, _ choice: JSONView, _ answer: JSONView) -> [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("answer", message["content"]?.string ?? "")
    writer.member("model", answer["model"]?.string ?? "")
    writer.member("finish_reason", choice["finish_reason"]?.string ?? "")
    writer.endObject()
    return writer.bytes
  }

  // MARK: Calls

  private func recorded(_ index: Int, isModel: Bool, _ digest: String) throws(AgentFailure) -> [UInt8]? {
    guard index < step.journal.count else { return nil }
    let entry = step.journal[index]
    guard entry.isModel == isModel, entry.requestSHA256 == digest else {
      throw AgentFailure(
        code: "divergence",
        message: "Call \(index) of this attempt differs from the recorded one; the record would not fit its answer.",
        isRetryable: false)
    }
    return entry.result
  }

  private func callModel(_ request: [UInt8], _ index: Int) async throws -> (JSONDocument, CallEntry?) {
    let digest = Hex.encode(Digest.sha256(request))
    if let result = try recorded(index, isModel: true, digest) {
      guard let document = try? JSONDocument(parsing: result) else {
        throw AgentFailure(code: "divergence", message: "A recorded answer cannot be read.", isRetryable: false)
      }
      return (document, nil)
    }
    let started = MonotonicClock.now()
    let reply = try await models.complete(request, for: step, trace: trace)
    return (
      reply.document,
      CallEntry(
        isModel: true, index: index, name: reply.model, requestSHA256: digest, result: reply.document.bytes,
        usage: reply.usage, milliseconds: Int64((MonotonicClock.now() - started) / 1_000_000))
    )
  }

  private func runTool(_ call: JSONView, _ index: Int) throws(AgentFailure) -> (String, CallEntry?) {
    let function = call["function"]
    let name = function?["name"]?.string ?? ""
    let arguments = function?["arguments"]?.string ?? ""
    let digest = Hex.encode(Digest.sha256(Array("\(name)\n\(arguments)".utf8)))
    if let result = try recorded(index, isModel: false, digest) {
      return ((try? JSONDocument(parsing: result))?.root["text"]?.string ?? "", nil)
    }
    let text = AgentLoop.tool(name, arguments)
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("text", text)
    writer.endObject()
    let entry = CallEntry(
      isModel: false, index: index, name: String(name.prefix(100)), requestSHA256: digest, result: writer.bytes,
      usage: .zero, milliseconds: 0)
    return (text, entry)
  }

  private static func tool(_ name: String, _ arguments: String) -> String {
    guard name == "calculate" else { return "error: there is no tool of this name" }
    guard let expression = (try? JSONDocument(parsing: arguments))?.root["expression"]?.string else {
      return "error: the argument \"expression\" is missing"
    }
    return Calculator.evaluate(expression)
  }
}

/// What an attempt delivers.
struct AttemptResult: Sendable {
  /// The output document.
  let output: [UInt8]
  /// Calls that were not recorded yet.
  let calls: [CallEntry]
}

/// A call for the journal.
struct CallEntry: Sendable {
  let isModel: Bool
  let index: Int
  let name: String
  let requestSHA256: String
  let result: [UInt8]
  let usage: Usage
  let milliseconds: Int64

  func write(to writer: inout JSONWriter) {
    writer.beginObject()
    writer.member("kind", isModel ? "model" : "tool")
    writer.member("index", Int64(index))
    writer.member("name", name.isEmpty ? "unknown" : name)
    writer.member("request_sha256", requestSHA256)
    writer.member("result", raw: result)
    writer.member("input_tokens", usage.inputTokens)
    writer.member("output_tokens", usage.outputTokens)
    writer.member("cost_microusd", usage.costMicroUSD)
    writer.member("unpriced_calls", usage.unpricedCalls)
    writer.member("model_calls", usage.modelCalls)
    writer.member("duration_ms", milliseconds)
    writer.endObject()
  }
}

/// Why an attempt came to nothing.
struct AgentFailure: Error {
  let code: String
  let message: String
  let isRetryable: Bool
}
