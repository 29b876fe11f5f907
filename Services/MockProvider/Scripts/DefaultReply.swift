internal import JSON

/// What the mock answers when no script matches: enough sense for the requests that agents and workflows make, so that
/// everything works without a real provider. The same request always gets the same answer.
struct DefaultReply {
  private static let quotedMax = 300
  private static let lineMax = 120

  let request: MockRequest

  /// The answer, at the pace of `standard`.
  func script(from standard: MockScript) -> MockScript {
    var script = standard
    if request.dialect == .embeddings { return script }
    if let call = RequestedOutput.call(for: request) {
      script.toolCalls = [call]
      script.asksAgain = true
    } else if let schema = RequestedOutput.schema(request.root, request.dialect) {
      script.reply = wantsPlan ? plan : SchemaSample.text(schema)
    } else if wantsPlan {
      script.reply = plan
    } else if isReviewer {
      script.reply = verdict
    } else if let sections {
      script.reply = synthesis(sections)
    } else if let result = request.toolResult {
      script.reply = "The result is \(result)."
    }
    return script
  }

  private var isReviewer: Bool {
    guard !request.system.isEmpty else { return false }
    let words = request.system.lowercased()
    return ["you review", "reviewer", "verdict"].contains { words.containsBytes(of: $0) }
  }

  /// The task in one line.
  private var task: String {
    let line = request.lastText.split(separator: "\n").first.map(String.init) ?? ""
    return line.count > DefaultReply.quotedMax ? String(line.prefix(DefaultReply.quotedMax)) + "…" : line
  }

  // MARK: Planners

  /// Whether a plan is requested: a document with `steps` that have a `key` and a `prompt`.
  private var wantsPlan: Bool {
    let words = request.system.isEmpty ? request.lastText : request.system
    return ["\"steps\"", "\"key\"", "\"prompt\""].allSatisfy { words.containsBytes(of: $0) }
  }

  private var plan: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.key("steps")
    writer.beginArray()
    for (key, prompt, dependencies) in [
      ("gather", "Gather what is needed for this: \(task)", []), ("draft", "Draft this: \(task)", ["gather"]),
    ] as [(String, String, [String])] {
      writer.beginObject()
      writer.member("key", key)
      writer.member("prompt", prompt)
      writer.key("depends_on")
      writer.beginArray()
      for dependency in dependencies { writer.string(dependency) }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  // MARK: Reviewers and writers

  private var verdict: String {
    "Verdict: approved\n\nThis is the mock provider. The work does what was asked: \(task)"
  }

  /// What earlier steps have found: the headings and first lines below `Context:`.
  private var sections: [(name: String, line: String)]? {
    guard request.lastText.containsBytes(of: "\n\nContext:\n\n"),
      let start = request.lastText.firstRange(of: "\n\nContext:\n\n")
    else { return nil }
    var sections: [(name: String, line: String)] = []
    for line in request.lastText[start.upperBound...].split(separator: "\n") {
      if line.hasPrefix("## ") {
        sections.append((String(line.dropFirst(3)), ""))
      } else if sections.isEmpty {
        sections.append(("context", String(line)))
      } else if sections[sections.count - 1].line.isEmpty {
        sections[sections.count - 1].line = String(line)
      }
    }
    return sections
  }

  private func synthesis(_ sections: [(name: String, line: String)]) -> String {
    var lines = ["This is the mock provider. You asked: \(task)", "It is made of:"]
    for (name, line) in sections {
      let short = line.count > DefaultReply.lineMax ? String(line.prefix(DefaultReply.lineMax)) + "…" : line
      lines.append("- \(name): \(short)")
    }
    return lines.joined(separator: "\n")
  }
}
