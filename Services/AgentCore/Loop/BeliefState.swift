internal import Contracts
internal import JSON

/// What an agent holds to be true and means to do: its goal, facts with source and confidence, open questions, a plan,
/// and what its tools gave. Bounded. The model changes it with the tool `update_beliefs`, the loop by what it observes.
struct BeliefState: Hashable, Sendable {
  struct Fact: Hashable, Sendable {
    let id: String
    let text: String
    let source: String
    /// Whether the source is a tool that the loop has seen called.
    let isObserved: Bool
    /// In thousandths.
    let confidence: Int64
    let turn: Int
  }

  struct PlanItem: Hashable, Sendable {
    let step: String
    let status: String
  }

  struct Observation: Hashable, Sendable {
    let tool: String
    let turn: Int
    let isError: Bool
    let head: String
  }

  static let factsMax = 64
  static let questionsMax = 32
  static let planMax = 32
  static let observationsMax = 24
  private static let textBytesMax = 500
  private static let goalBytesMax = 2000
  private static let sourceBytesMax = 200
  private static let headBytesMax = 120
  private static let statuses: Set<String> = ["open", "doing", "done", "dropped"]

  private(set) var goal: String
  private(set) var facts: [Fact] = []
  private(set) var questions: [String] = []
  private(set) var plan: [PlanItem] = []
  private(set) var observations: [Observation] = []
  private var nextFact = 1
  private var toolsSeen: Set<String> = []

  init(goal: String) { self.goal = BeliefState.cut(goal, BeliefState.goalBytesMax) }

  private static func cut(_ text: String, _ bytesMax: Int) -> String {
    StorableText.make(text, bytesMax: bytesMax, fallback: "")
  }

  // MARK: Changes

  /// Takes up what a tool gave.
  mutating func observe(_ tool: String, _ report: ToolReport, turn: Int) {
    toolsSeen.insert(tool)
    // Results may be long; only the beginning of the first line is kept.
    let line = String(
      decoding: report.text.utf8.prefix(4 * BeliefState.headBytesMax).prefix { $0 != 0x0A }, as: UTF8.self)
    observations.append(
      Observation(
        tool: tool, turn: turn, isError: report.isError, head: BeliefState.cut(line, BeliefState.headBytesMax)))
    if observations.count > BeliefState.observationsMax { observations.removeFirst() }
  }

  /// Applies a call of `update_beliefs`. Returns what the model reads.
  mutating func update(_ arguments: JSONView, turn: Int) -> ToolReport {
    if let text = arguments["goal"]?.string, !text.isEmpty { goal = BeliefState.cut(text, BeliefState.goalBytesMax) }
    let dropped = Set(arguments["drop_facts"].map { $0.elements.compactMap(\.string) } ?? [])
    if !dropped.isEmpty { facts.removeAll { dropped.contains($0.id) } }
    for view in (arguments["facts"].map { Array($0.elements) } ?? []).prefix(BeliefState.factsMax) { add(view, turn) }
    if let list = arguments["open_questions"], list.kind == .array {
      questions = list.elements.compactMap(\.string).filter { !$0.isEmpty }.prefix(BeliefState.questionsMax)
        .map { BeliefState.cut($0, BeliefState.textBytesMax) }
    }
    if let list = arguments["plan"], list.kind == .array {
      plan = list.elements.prefix(BeliefState.planMax).compactMap { BeliefState.item($0) }
    }
    let ids = facts.suffix(8).map(\.id).joined(separator: ", ")
    let end = ids.isEmpty ? "" : "; the latest are \(ids)"
    return ToolReport(
      text: "noted: \(facts.count) facts\(end); \(questions.count) open questions; \(plan.count) steps planned")
  }

  private mutating func add(_ view: JSONView, _ turn: Int) {
    // A fact without a confidence is a text.
    guard let text = view.string ?? view["text"]?.string, !text.isEmpty else { return }
    let source = BeliefState.cut(view["source"]?.string ?? "", BeliefState.sourceBytesMax)
    let confidence = min(1, max(0, view["confidence"]?.double ?? 0.5))
    var id = view["id"]?.string ?? ""
    let place = facts.firstIndex { $0.id == id }
    if place == nil {
      id = "f\(nextFact)"
      nextFact += 1
    }
    let fact = Fact(
      id: id, text: BeliefState.cut(text, BeliefState.textBytesMax), source: source,
      isObserved: toolsSeen.contains(source), confidence: Int64(exactly: (confidence * 1000).rounded()) ?? 500,
      turn: turn)
    if let place { facts[place] = fact } else { facts.append(fact) }
    guard facts.count > BeliefState.factsMax else { return }
    // The least certain goes, of equals the oldest.
    let least = facts.indices.min { facts[$0].confidence < facts[$1].confidence }
    if let least { facts.remove(at: least) }
  }

  private static func item(_ view: JSONView) -> PlanItem? {
    guard let step = view.string ?? view["step"]?.string, !step.isEmpty else { return nil }
    let status = view["status"]?.string ?? "open"
    return PlanItem(step: cut(step, textBytesMax), status: statuses.contains(status) ? status : "open")
  }

  // MARK: Forms

  /// The note in the journal.
  var document: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("goal", goal)
    writer.objects("facts", facts) { fact, writer in
      writer.member("id", fact.id)
      writer.member("text", fact.text)
      if !fact.source.isEmpty { writer.member("source", fact.source) }
      writer.member("observed", fact.isObserved)
      writer.member("confidence", Double(fact.confidence) / 1000)
      writer.member("turn", Int64(fact.turn))
    }
    writer.member("open_questions", questions)
    writer.objects("plan", plan) { item, writer in
      writer.member("step", item.step)
      writer.member("status", item.status)
    }
    writer.objects("observations", observations) { observation, writer in
      writer.member("tool", observation.tool)
      writer.member("turn", Int64(observation.turn))
      if observation.isError { writer.member("error", true) }
      writer.member("head", observation.head)
    }
    writer.endObject()
    return writer.bytes
  }

  /// What the model reads of it when the turns that it came from are no longer shown.
  var text: String {
    var lines = ["Goal: \(goal)"]
    if !facts.isEmpty {
      lines.append("Facts:")
      lines += facts.map { fact in
        let source = fact.source.isEmpty ? "" : ", from \(fact.source)"
        return "- \(fact.id): \(fact.text) (confidence \(Double(fact.confidence) / 1000)\(source))"
      }
    }
    if !questions.isEmpty { lines += ["Open questions:"] + questions.map { "- \($0)" } }
    if !plan.isEmpty { lines += ["Plan:"] + plan.map { "- [\($0.status)] \($0.step)" } }
    if !observations.isEmpty {
      lines.append("Tools called so far:")
      lines += observations.map { "- \($0.tool)\($0.isError ? " (failed)" : ""): \($0.head)" }
    }
    return lines.joined(separator: "\n")
  }

  // MARK: The tool

  static let toolName = "update_beliefs"

  static let tool = OfferedTool(
    name: toolName,
    description: """
      Keeps track of what you know and mean to do. Facts are added, or replaced under their id; open_questions and \
      plan replace the lists before. Older turns may be removed from the conversation, this is kept.
      """,
    parameters: Array(
      #"""
      {"type":"object","properties":{"goal":{"type":"string"},"facts":{"type":"array","items":{"type":"object",\#
      "properties":{"id":{"type":"string"},"text":{"type":"string"},"source":{"type":"string",\#
      "description":"Name of the tool that gave it, or how else it is known."},"confidence":{"type":"number",\#
      "minimum":0,"maximum":1}},"required":["text"]}},"drop_facts":{"type":"array","items":{"type":"string"}},\#
      "open_questions":{"type":"array","items":{"type":"string"}},"plan":{"type":"array","items":{"type":"object",\#
      "properties":{"step":{"type":"string"},"status":{"type":"string","enum":["open","doing","done","dropped"]}},\#
      "required":["step"]}}},"additionalProperties":false}
      """#.utf8),
    order: .reading, risk: "none", isInstant: true)
}
