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
      text.contains("/") && text.utf8.allSatisfy { byte in
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
}
