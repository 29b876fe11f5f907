internal import JSON
package import Policy

/// A decision of a decision log, in the schema of OPA: `decision_id`, `path`, `input`, `result`, `erased`, `masked`.
package struct LoggedDecision: Sendable {
  /// Its id; empty for none.
  package let id: String
  /// The path below `data`.
  package let path: [String]
  /// What was asked.
  package let input: RegoValue?
  /// What was answered; `nil` for undefined.
  package let result: RegoValue?
  /// Whether parts of the input were removed or replaced before it was logged: then it may be answered otherwise.
  package let isMasked: Bool

  /// Reads a line; `nil` for anything else, such as the answer to a query.
  package init?(_ line: [UInt8]) {
    guard let root = try? JSONDocument(parsing: line).root, let path = root["path"]?.string else { return nil }
    let parts = path.split(whereSeparator: { $0 == "/" || $0 == "." }).map(String.init)
    guard !parts.isEmpty else { return nil }
    self.path = parts.first == "data" ? Array(parts.dropFirst()) : parts
    id = root["decision_id"]?.string ?? ""
    input = root["input"].map { RegoValue($0) }
    result = root["result"].map { RegoValue($0) }
    isMasked = ["erased", "masked"].contains { name in
      (root[name].map { Array($0.elements) } ?? []).contains { $0.string?.hasPrefix("/input") == true }
    }
  }

  /// What is asked about, in a few words: a route, a tool, a model, a kind.
  var subject: String {
    guard case .object(let root)? = input, case .object(let action)? = root["action"] else { return "" }
    if let route = action["route"]?.string { return "\(action["method"]?.string ?? "") \(route)" }
    for name in ["tool", "model", "kind"] { if let text = action[name]?.string { return text } }
    return ""
  }

  /// The role of who asks; empty when the input names none.
  var role: String {
    guard case .object(let root)? = input, case .object(let subject)? = root["subject"] else { return "" }
    return subject["role"]?.string ?? ""
  }
}
