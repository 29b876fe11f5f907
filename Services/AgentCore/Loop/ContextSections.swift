internal import JSON

/// Documents in a form that models read well: text stays text under a heading with its name; JSON appears only where it
/// holds no text that would have to be escaped.
enum ContextSections {
  private static let depthMax = 5

  /// A context as sections. What a step has delivered stands under its key; elements of a list are numbered from 1.
  static func render(_ view: JSONView) -> String {
    var sections: [String] = []
    add(view, name: "", depth: 0, to: &sections)
    return sections.joined(separator: "\n\n")
  }

  /// A single value as text: a string as it is, the result of an agent as its answer.
  static func text(of view: JSONView) -> String {
    if let text = plain(view) { return text }
    return render(view)
  }

  /// The text of a value that needs no sections of its own.
  private static func plain(_ view: JSONView) -> String? {
    if let text = view.string { return text }
    if view.isNull { return "(nothing)" }
    if let answer = answer(view) { return answer }
    return holdsText(view, depth: 0) ? nil : String(decoding: view.rawBytes, as: UTF8.self)
  }

  /// The answer, when the value is what an agent delivers.
  private static func answer(_ view: JSONView) -> String? {
    guard view.kind == .object, let answer = view["answer"]?.string, view["model"] != nil, view["finish_reason"] != nil
    else { return nil }
    return answer
  }

  private static func add(_ view: JSONView, name: String, depth: Int, to sections: inout [String]) {
    func section(_ text: String) { sections.append(name.isEmpty ? text : "## \(name)\n\n\(text)") }
    if let text = plain(view) { return section(text) }
    guard depth < depthMax else { return section(String(decoding: view.rawBytes, as: UTF8.self)) }
    func inner(_ part: String) -> String { name.isEmpty ? part : "\(name) / \(part)" }
    switch view.kind {
    case .object:
      for (key, value) in view.members {
        add(value, name: inner(heading(key.string ?? "")), depth: depth + 1, to: &sections)
      }
    default:
      for (position, value) in view.elements.enumerated() {
        add(value, name: inner(String(position + 1)), depth: depth + 1, to: &sections)
      }
    }
  }

  private static func heading(_ key: String) -> String {
    let line = String(key.map { $0.isNewline ? " " : $0 })
    return line.isEmpty ? "(no name)" : line
  }

  /// Whether a document holds a text that would not read well as JSON: long, of several lines, or with quotes.
  private static func holdsText(_ view: JSONView, depth: Int) -> Bool {
    switch view.kind {
    case .string:
      return view.withString { bytes in
        bytes.count > 200 || bytes.contains { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }
      } ?? false
    case .object:
      if answer(view) != nil { return true }
      return depth < depthMax && view.members.contains { holdsText($0.value, depth: depth + 1) }
    case .array: return depth < depthMax && view.elements.contains { holdsText($0, depth: depth + 1) }
    default: return false
    }
  }
}
