internal import AgentTools
internal import JSON
internal import Primitives

/// `calculator`
struct CalculatorExecutor: ToolExecutor {
  func run(_ call: ToolInvocation) async throws -> ToolResult {
    switch CalculatorTool.evaluate(call.arguments.root["expression"]?.string ?? "") {
    case .success(let value): ToolResult(text: value)
    case .failure(let error): .failure(.invalidArguments, error.message)
    }
  }
}

/// `current_time`
struct TimeExecutor: ToolExecutor {
  private static let days = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"]

  let clock: any ToolClock

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let now = clock.wallTime()
    let seconds = now.unixMicroseconds / 1_000_000
    // The first of January 1970 was a Thursday.
    let day = TimeExecutor.days[Int((seconds / 86_400 % 7 + 7) % 7)]
    return ToolResult(text: "\(now) (\(day)), Unix seconds \(seconds)")
  }
}

/// `ask_human`: a question, and when it was answered, the answer.
struct AskExecutor: ToolExecutor {
  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("question", arguments["question"]?.string ?? "")
    if let choices = arguments["choices"]?.elements.compactMap(\.string) { writer.member("choices", choices) }
    writer.endObject()
    let ask = ToolAsk(kind: .question, tool: call.name, subject: writer.bytes)
    guard let answer = call.answers.last(where: { $0.kind == .question && $0.subjectSHA256 == ask.subjectSHA256 })
    else { return .waiting(for: ask) }
    guard let root = (try? JSONDocument(parsing: answer.answer))?.root else {
      return .failure(.internalError, "the answer cannot be read")
    }
    if root["expired"]?.bool == true { return .failure(.expired, "nobody has answered in time") }
    return ToolResult(text: root["text"]?.string ?? root.string ?? String(decoding: root.rawBytes, as: UTF8.self))
  }
}
