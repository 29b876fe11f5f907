internal import JSON
package import Policy

/// One question, asked of policies from the command line.
package struct PolicyEvaluation {
  /// The policies.
  package let sources: PolicySources
  /// What they see as `input`.
  package let input: RegoValue?

  /// Prepares a question.
  package init(_ sources: PolicySources, input: RegoValue?) {
    self.sources = sources
    self.input = input
  }

  /// A query in Rego, or the path of a document: `cadre/http/decision` is `data.cadre.http.decision`.
  package static func query(_ text: String) -> String {
    let isPath =
      text.contains("/")
      && text.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "/") || byte == UInt8(ascii: "_") || (0x30...0x39).contains(byte)
          || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      }
    guard isPath else { return text }
    let parts = text.split(separator: "/").map(String.init)
    return (parts.first == "data" ? parts : ["data"] + parts).joined(separator: ".")
  }

  /// The answers as JSON, one a line: the value of a term, or the values of variables. Nothing for undefined.
  package func answers(to text: String, now: Int64) throws -> [String] {
    let program = try PolicyProgram(sources.texts(withTests: true))
    return try program.answers(
      to: PolicyEvaluation.query(text), input: input, data: sources.data, now: now, isStrict: true
    ).map { answer in
      if let value = answer.value { return value.json }
      return RegoValue.object(RegoObject(answer.bindings.map { (.string($0.key), $0.value) })).json
    }
  }

  /// What happens on the way to the answers: a line for each rule and expression, at most `linesMax`.
  package func explanation(of text: String, now: Int64, linesMax: Int = 10_000) throws -> [String] {
    let program = try PolicyProgram(sources.texts(withTests: true))
    let explanation = Explanation(sources, linesMax: linesMax)
    do {
      _ = try program.answers(
        to: PolicyEvaluation.query(text), input: input, data: sources.data, now: now, observer: explanation)
    } catch let error as EvaluationError { explanation.lines.append("\(error.code.rawValue): \(error.message)") }
    return explanation.lines
  }
}

/// Writes down what an evaluation does.
private final class Explanation: EvaluationObserver {
  private static let levelsMax = 40
  private static let valueCharactersMax = 200

  private let sources: PolicySources
  private let linesMax: Int
  private var level = 0
  var lines: [String] = []

  init(_ sources: PolicySources, linesMax: Int) {
    self.sources = sources
    self.linesMax = linesMax
  }

  func observe(_ event: EvaluationEvent, at site: PolicySite) {
    guard !site.rule.isEmpty else { return }
    switch event {
    case .enters:
      add("\(site.rule)", site)
      level += 1
    case .holds: add("holds: \(line(site))", site)
    case .fails: add("fails: \(line(site))", site)
    case .gives(let value):
      add("\(site.rule) = \(value.json.prefix(Explanation.valueCharactersMax))", site)
    case .ends(let isDefined):
      level = max(0, level - 1)
      if !isDefined { add("\(site.rule) is undefined", site) }
    }
  }

  private func line(_ site: PolicySite) -> String {
    sources.modules.first { $0.file == site.file }?.line(site.place.line) ?? ""
  }

  private func add(_ text: String, _ site: PolicySite) {
    guard lines.count < linesMax else { return }
    let indentation = String(repeating: "  ", count: min(level, Explanation.levelsMax))
    lines.append("\(indentation)\(text)  (\(site.file):\(site.place.line))")
  }
}
