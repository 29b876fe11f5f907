import Contracts
import JSON
import Synchronization

@testable import AgentLoop

/// A model that gives prepared answers and remembers what it was asked.
final class ScriptedModel: ModelCalling {
  enum Step: Sendable {
    case answer(String)
    case failure(AgentFailure)
  }

  private let steps: Mutex<[Step]>
  private let asked = Mutex<[[UInt8]]>([])

  init(_ steps: [Step]) { self.steps = Mutex(steps) }

  convenience init(_ answers: String...) { self.init(answers.map { .answer($0) }) }

  var bodies: [[UInt8]] { asked.withLock { $0 } }
  var requests: [JSONView] { asked.withLock { $0 }.compactMap { try? JSONDocument(parsing: $0).root } }

  func complete(_ request: [UInt8]) async throws -> ModelReply {
    asked.withLock { $0.append(request) }
    let step = steps.withLock { $0.isEmpty ? nil : $0.removeFirst() }
    switch step {
    case .answer(let text):
      return ModelReply(
        document: try JSONDocument(parsing: text), model: "m",
        usage: Usage(inputTokens: 3, outputTokens: 4, unpricedCalls: 1, modelCalls: 1), milliseconds: 1)
    case .failure(let failure): throw failure
    case nil: throw AgentFailure(code: "script_over", message: "The model was asked too often.", isRetryable: false)
    }
  }
}

/// A model whose answers depend on what it is asked, and how often it was asked before.
final class TalkingModel: ModelCalling {
  private let answer: @Sendable (JSONView, Int) -> String
  private let asked = Mutex<[[UInt8]]>([])

  init(_ answer: @escaping @Sendable (JSONView, Int) -> String) { self.answer = answer }

  var requests: [JSONView] { asked.withLock { $0 }.compactMap { try? JSONDocument(parsing: $0).root } }

  func complete(_ request: [UInt8]) async throws -> ModelReply {
    let number = asked.withLock { asked in
      asked.append(request)
      return asked.count - 1
    }
    let text = answer(try JSONDocument(parsing: request).root, number)
    return ModelReply(
      document: try JSONDocument(parsing: text), model: "m", usage: Usage(modelCalls: 1), milliseconds: 1)
  }
}

/// A journal in memory.
final class MemoryJournal: CallRecording {
  private let kept = Mutex<[CallReport]>([])
  private let writes = Mutex<Int>(0)

  var entries: [CallReport] { kept.withLock { $0 } }
  var writeCount: Int { writes.withLock { $0 } }

  func record(_ calls: [CallReport]) async throws {
    kept.withLock { $0 += calls }
    writes.withLock { $0 += 1 }
  }

  /// As the next attempt gets it.
  static func recorded(_ calls: [CallReport]) -> [RecordedCall] {
    calls.map {
      RecordedCall(
        kind: $0.kind, name: $0.name, requestSHA256: $0.requestSHA256, result: $0.result, usage: $0.usage,
        durationMilliseconds: $0.durationMilliseconds)
    }
  }
}

/// Chat completions in a line.
enum Completion {
  static func text(_ text: String, finish: String = "stop", more: String = "") -> String {
    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\(quoted(text))\(more)},\"finish_reason\":\"\(finish)\"}]}"
  }

  static func message(_ members: String, finish: String = "stop") -> String {
    "{\"model\":\"m\",\"choices\":[{\"message\":{\(members)},\"finish_reason\":\"\(finish)\"}]}"
  }

  static func calls(_ calls: [(name: String, arguments: String)], finish: String = "tool_calls") -> String {
    let list = calls.enumerated().map { position, call in
      "{\"id\":\"id\(position)\",\"type\":\"function\",\"function\":{\"name\":\(quoted(call.name)),\"arguments\":\(quoted(call.arguments))}}"
    }
    return message(
      "\"role\":\"assistant\",\"content\":null,\"tool_calls\":[\(list.joined(separator: ","))]", finish: finish)
  }

  static func calculate(_ expressions: String...) -> String {
    calls(expressions.map { ("calculate", "{\"expression\":\"\($0)\"}") })
  }

  private static func quoted(_ text: String) -> String {
    var writer = JSONWriter()
    writer.string(text)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

extension AgentInput {
  static func prompt(_ prompt: String) throws -> AgentInput {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("prompt", prompt)
    writer.endObject()
    return AgentInput(try JSONDocument(parsing: writer.bytes).root, model: "asked-model")
  }
}
