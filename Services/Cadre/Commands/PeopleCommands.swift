internal import JSON
internal import LocalStack

/// `cadre approvals`, `approve`, `reject`, `outcome`, `questions` and `answer`: what agents and workflows ask people.
struct PeopleCommands {
  private static let options: Set<String> = ["comment", "status", "run", "sha256", "result", "message", "json"]

  let tasks: TaskCommands

  // MARK: Lists

  func approvals(_ arguments: [String]) -> Int32 {
    list(arguments, "approvals") { row in
      [
        row["id"]?.string, row["status"]?.string, row["kind"]?.string, row["run_id"]?.string, row["step"]?.string,
        row["tool"]?.string ?? "-", row["expires_at"]?.string ?? "-", PeopleCommands.line(row["subject"]),
      ]
    }
  }

  func questions(_ arguments: [String]) -> Int32 {
    list(arguments, "questions") { row in
      [
        row["id"]?.string, row["status"]?.string, row["run_id"]?.string, row["step"]?.string,
        row["expires_at"]?.string ?? "-", PeopleCommands.line(row["subject"]),
      ]
    }
  }

  private func list(_ arguments: [String], _ name: String, _ columns: @escaping (JSONView) -> [String?]) -> Int32 {
    perform(arguments, needs: "\(name) takes no words", words: 0...0) { options, api throws(OptionError) in
      var path = "/api/v1/\(name)?limit=100&status=\(try PeopleCommands.part(options["status"] ?? "pending"))"
      if let run = options["run"] { path += "&run_id=\(try PeopleCommands.part(run))" }
      return try api.call("GET", path)
    } show: { root in
      let rows = root[name].map { Array($0.elements) } ?? []
      if rows.isEmpty { return "nobody is asked anything" }
      return rows.map { row in columns(row).map { $0 ?? "" }.joined(separator: "\t") }.joined(separator: "\n")
    }
  }

  /// A subject on one line, cut.
  private static func line(_ subject: JSONView?) -> String {
    guard let subject else { return "" }
    let text = subject["question"]?.string ?? subject.string ?? String(decoding: subject.rawBytes, as: UTF8.self)
    let clean = plain(text)
    return clean.count > 120 ? clean.prefix(120) + "…" : clean
  }

  /// What a model has written must not steer a terminal.
  private static func plain(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append(" ")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  // MARK: Answers

  func decide(_ arguments: [String], isApproved: Bool) -> Int32 {
    let word = isApproved ? "approve" : "reject"
    return perform(arguments, needs: "\(word) needs the id of an approval", words: 1...1) {
      options, api throws(OptionError) in
      let id = try PeopleCommands.part(options.words[0])
      // What is decided on is what is shown here: a subject that changes meanwhile is refused.
      let digest: String
      if let named = options["sha256"] {
        digest = named
      } else {
        let shown = try api.call("GET", "/api/v1/approvals/\(id)")
        let root = try? JSONDocument(parsing: shown.body).root
        guard shown.status == 200, let found = root?["subject_sha256"]?.string else { return shown }
        let subject = root?["subject"].map { PeopleCommands.plain(String(decoding: $0.rawBytes, as: UTF8.self)) } ?? ""
        tasks.output.line(subject)
        digest = found
      }
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("decision", word)
      writer.member("subject_sha256", digest)
      writer.member("comment", ifPresent: options["comment"])
      writer.endObject()
      return try api.call(
        "POST", "/api/v1/approvals/\(id)/decision", body: String(decoding: writer.bytes, as: UTF8.self))
    } show: {
      PeopleCommands.status($0)
    }
  }

  func outcome(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "outcome needs the id of an approval and done, not_done or failed", words: 2...2) {
      options, api throws(OptionError) in
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("outcome", options.words[1])
      writer.member("result", ifPresent: options["result"])
      writer.member("message", ifPresent: options["message"])
      writer.endObject()
      return try api.call(
        "POST", "/api/v1/approvals/\(try PeopleCommands.part(options.words[0]))/outcome",
        body: String(decoding: writer.bytes, as: UTF8.self))
    } show: {
      PeopleCommands.status($0)
    }
  }

  func answer(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "answer needs the id of a question and the answer", words: 1...Int.max) {
      options, api throws(OptionError) in
      var writer = JSONWriter()
      writer.beginObject()
      writer.key("answer")
      if let json = options["json"] {
        guard options.words.count == 1, let root = try? JSONDocument(parsing: json).root else {
          throw OptionError(description: "--json takes the whole answer as JSON, in place of a text")
        }
        writer.raw(root.rawBytes)
      } else {
        guard options.words.count > 1 else {
          throw OptionError(description: "answer needs the id of a question and the answer")
        }
        writer.beginObject()
        writer.member("text", options.words.dropFirst().joined(separator: " "))
        writer.endObject()
      }
      writer.endObject()
      return try api.call(
        "POST", "/api/v1/questions/\(try PeopleCommands.part(options.words[0]))/answer",
        body: String(decoding: writer.bytes, as: UTF8.self))
    } show: {
      PeopleCommands.status($0)
    }
  }

  private static func status(_ root: JSONView) -> String {
    "\(root["id"]?.string ?? "")\t\(root["status"]?.string ?? "")"
  }

  /// A word that may stand in an address as it is.
  private static func part(_ word: String) throws(OptionError) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: "-")
    }
    guard isPlain, !word.isEmpty else { throw OptionError(description: "\"\(word)\" is no id") }
    return word
  }

  private func perform(
    _ arguments: [String], needs sentence: String, words: ClosedRange<Int>,
    _ call: (Options, TaskCommands.API) throws(OptionError) -> TaskCommands.Answer, show: (JSONView) -> String
  ) -> Int32 {
    tasks.perform(arguments, needs: sentence, words: words, more: PeopleCommands.options, call, show: show)
  }
}
