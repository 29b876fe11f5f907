internal import Contracts
public import JSON

/// What a step asks of an agent.
public struct AgentInput: Sendable {
  /// The kind of work.
  public enum Job: String, Hashable, Sendable, CaseIterable {
    /// Divides a task into steps.
    case plan
    /// Does something.
    case execute
    /// Judges the work of others.
    case review
    /// Makes one answer of what others have found.
    case synthesise
  }

  private static let namesMax = 256
  private static let nameBytesMax = 200

  /// The first message to the model.
  public let prompt: String
  /// What stands before it.
  public let system: String?
  /// The model, alias or tier.
  public let model: String
  /// The bound of an answer.
  public let outputTokensMax: Int64?
  /// The kind of work.
  public let job: Job
  /// The tools that the step asks for; `nil` when it does not say.
  public let tools: [String]?
  /// What the agent is to reach; `nil` is the prompt.
  public let goal: String?
  /// JSON Schema of the final answer.
  public let outputSchema: JSONDocument?
  /// Tools (`tool:NAME`) and risks whose calls a person has to approve.
  public let approve: Set<String>
  /// What holds for questions to people.
  public let questions: QuestionRules
  /// The limits that the step names.
  public let limits: AgentLimits.Wanted
  /// What is wrong with the input, in words for who wrote it; `nil` when nothing is.
  public let fault: String?

  /// Reads an input. A document without a prompt is the prompt itself; `context` is what earlier steps have found, and
  /// becomes named sections behind the prompt.
  public init(_ view: JSONView, model: String?) {
    if let asked = view["prompt"] {
      var prompt = ContextSections.text(of: asked)
      if let context = view["context"], !context.isNull {
        while prompt.last?.isWhitespace == true { prompt.removeLast() }
        prompt += "\n\nContext:\n\n" + ContextSections.render(context)
      }
      self.prompt = prompt
    } else {
      prompt = view.string ?? String(decoding: view.rawBytes, as: UTF8.self)
    }
    system = view["system"].flatMap { $0.isNull ? nil : ContextSections.text(of: $0) }
    let named = model ?? view["model"]?.string ?? ""
    self.model = named.isEmpty ? "default" : named
    outputTokensMax = view["max_output_tokens"]?.int
    var faults: [String] = []
    job = AgentInput.job(view["job"], &faults)
    tools = AgentInput.names(view["tools"], "tools", &faults)
    approve = Set(AgentInput.names(view["approve"], "approve", &faults) ?? [])
    goal = view["goal"]?.string
    outputSchema = AgentInput.schema(view["output_schema"], &faults)
    questions = QuestionRules(view["questions"], &faults)
    limits = AgentLimits.Wanted(view["limits"], &faults)
    fault = faults.isEmpty ? nil : faults.joined(separator: " ")
  }

  /// Whether the step says something of an agent that acts, and not only of one that answers.
  var isAgentic: Bool { goal != nil || tools.map { !$0.isEmpty } ?? false }

  /// An entry of `approve` that means nothing; `nil` when all do.
  func unknownApproval(among tools: [OfferedTool]) -> String? {
    approve.sorted().first { word in
      let name = word.hasPrefix("tool:") ? String(word.dropFirst(5)) : word
      return ToolRisk(rawValue: word) == nil && !tools.contains { $0.name == name }
    }
  }

  private static func job(_ view: JSONView?, _ faults: inout [String]) -> Job {
    guard let view, !view.isNull else { return .execute }
    if let job = view.string.flatMap({ Job(rawValue: $0) }) { return job }
    faults.append("job must be one of \(Job.allCases.map(\.rawValue).joined(separator: ", ")).")
    return .execute
  }

  private static func names(_ view: JSONView?, _ member: String, _ faults: inout [String]) -> [String]? {
    guard let view, !view.isNull else { return nil }
    // One name is a list of one.
    if let name = view.string, name.utf8.count <= nameBytesMax { return [name] }
    let names = view.elements.compactMap(\.string).filter { !$0.isEmpty && $0.utf8.count <= nameBytesMax }
    if view.kind != .array || names.count != view.count || names.count > namesMax {
      faults.append("\(member) must be a list of at most \(namesMax) names.")
      return []
    }
    return names
  }

  private static func schema(_ view: JSONView?, _ faults: inout [String]) -> JSONDocument? {
    guard let view, !view.isNull else { return nil }
    guard view.kind == .object, let document = try? JSONDocument(parsing: Array(view.rawBytes)) else {
      faults.append("output_schema must be a JSON Schema, an object.")
      return nil
    }
    if let fault = OutputCheck.fault(ofSchema: document.root) { faults.append("output_schema: \(fault)") }
    return document
  }
}
