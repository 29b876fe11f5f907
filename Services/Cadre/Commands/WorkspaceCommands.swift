internal import HTTPWire
internal import JSON
internal import LocalStack
internal import Primitives

/// `cadre artefacts`, `artefact`, `tools`, `tool` and `mcp`: files of runs, tools and MCP servers from a terminal.
struct WorkspaceCommands {
  private static let options: Set<String> = [
    "data", "port", "url", "output", "trust", "header", "env", "command", "timeout", "sha256",
  ]
  private static let pageRows = 100
  /// Pages of a list that are shown; more is a matter for programs.
  private static let pagesMax = 50

  let output: Output
  let environment: [String: String]

  // MARK: Files

  func artefacts(_ arguments: [String]) -> Int32 {
    perform(arguments) { options, api throws(OptionError) in
      guard options.words.count == 1 else { throw OptionError(description: "artefacts needs the id of a run") }
      let rows = try list(api, "/api/v1/runs/\(PercentEncoding.encode(options.words[0]))/artefacts", of: "artefacts")
      for row in rows {
        output.line(WorkspaceCommands.line(row, ["id", "bytes", "media_type", "name"]))
      }
    }
  }

  func artefact(_ arguments: [String]) -> Int32 {
    perform(arguments) { options, api throws(OptionError) in
      guard options.words.count == 2, options.words[0] == "get" else {
        throw OptionError(description: "artefact takes: get ID")
      }
      let answer = try api.call("GET", "/api/v1/artefacts/\(PercentEncoding.encode(options.words[1]))/content")
      guard answer.status == 200 else { throw WorkspaceCommands.refusal(answer) }
      guard let file = options["output"] else {
        output.bytes(answer.bytes)
        return
      }
      guard FileAccess.write(file, bytes: answer.bytes) else {
        throw OptionError(description: "the file \(file) cannot be written")
      }
      output.line("\(answer.bytes.count) bytes written to \(file)")
    }
  }

  // MARK: Tools

  func tools(_ arguments: [String]) -> Int32 {
    perform(arguments) { options, api throws(OptionError) in
      guard options.words.isEmpty else { throw OptionError(description: "tools takes no words") }
      for row in try list(api, "/api/v1/tools", of: "tools") {
        output.line(WorkspaceCommands.line(row, ["name", "source", "risk", "status"]))
      }
    }
  }

  func tool(_ arguments: [String]) -> Int32 {
    perform(arguments) { options, api throws(OptionError) in
      switch (options.words.first, options.words.count) {
      case ("add", 3): try add(options.words[1], options.words[2], api)
      case ("remove", 2):
        let answer = try api.call("DELETE", "/api/v1/tools/\(PercentEncoding.encode(options.words[1]))")
        guard answer.status == 204 else { throw WorkspaceCommands.refusal(answer) }
        output.line("removed")
      default: throw OptionError(description: "tool takes: add MANIFEST FILE, or remove NAME")
      }
    }
  }

  private func add(_ manifest: String, _ file: String, _ api: TaskCommands.API) throws(OptionError) {
    guard let text = FileAccess.read(manifest), let root = try? JSONDocument(parsing: text).root else {
      throw OptionError(description: "the file \(manifest) is no JSON that can be read")
    }
    guard let source = FileAccess.bytes(file) else {
      throw OptionError(description: "the file \(file) cannot be read")
    }
    var writer = JSONWriter(reservingBytes: source.count * 4 / 3 + 4096)
    writer.beginObject()
    writer.member("manifest", raw: root.rawBytes)
    writer.member("source_base64", Base64.encode(source))
    writer.endObject()
    let answer = try api.call("POST", "/api/v1/tools", body: String(decoding: writer.bytes, as: UTF8.self))
    let document = try WorkspaceCommands.document(answer)
    let version = document["version"]?.int ?? 0
    output.line("\(document["name"]?.string ?? "") version \(version)\(answer.status == 200 ? " (unchanged)" : "")")
  }

  // MARK: MCP servers

  func mcp(_ arguments: [String]) -> Int32 {
    perform(arguments) { options, api throws(OptionError) in
      switch (options.words.first, options.words.count) {
      case ("list", 1):
        for row in try list(api, "/api/v1/mcp-servers", of: "mcp_servers") {
          output.line(WorkspaceCommands.line(row, ["id", "name", "transport", "trust", "state"]))
        }
      case ("add", 3...): try addServer(options, api)
      case ("remove", 2):
        let answer = try api.call("DELETE", "/api/v1/mcp-servers/\(PercentEncoding.encode(options.words[1]))")
        guard answer.status == 204 else { throw WorkspaceCommands.refusal(answer) }
        output.line("removed")
      case ("tools", 2):
        for row in try list(api, "\(WorkspaceCommands.server(options))/tools", of: "tools") {
          output.line(WorkspaceCommands.line(row, ["name", "status", "sha256", "description"]))
        }
      case ("approve", 3): try approve(options, api)
      default:
        throw OptionError(
          description:
            "mcp takes: list, tools ID, approve ID TOOL, add NAME URL, add NAME COMMAND [-- ARGUMENT...], or remove ID")
      }
    }
  }

  private static func server(_ options: Options) -> String {
    "/api/v1/mcp-servers/\(PercentEncoding.encode(options.words[1]))"
  }

  /// Approves the definition that is shown: the digest that was read is the one that is sent.
  private func approve(_ options: Options, _ api: TaskCommands.API) throws(OptionError) {
    let name = options.words[2]
    let rows = try list(api, "\(WorkspaceCommands.server(options))/tools", of: "tools")
    guard let row = rows.first(where: { $0["name"]?.string == name }), let shown = row["sha256"]?.string else {
      throw OptionError(description: "the server has no tool \(name); see cadre mcp tools ID")
    }
    let digest = options["sha256"] ?? shown
    output.line(WorkspaceCommands.line(row, ["name", "sha256", "description"]))
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("sha256", digest)
    writer.endObject()
    let answer = try api.call(
      "POST", "\(WorkspaceCommands.server(options))/tools/\(PercentEncoding.encode(name))/approve",
      body: String(decoding: writer.bytes, as: UTF8.self))
    guard answer.status < 400 else { throw WorkspaceCommands.refusal(answer) }
    output.line("approved")
  }

  private func addServer(_ options: Options, _ api: TaskCommands.API) throws(OptionError) {
    let target = options.words[2]
    let isURL = target.hasPrefix("http://") || target.hasPrefix("https://")
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("name", options.words[1])
    writer.member("transport", isURL ? "http" : "stdio")
    if isURL {
      writer.member("url", target)
    } else {
      writer.member("command", target)
      writer.member("arguments", options.words.dropFirst(3))
    }
    let pairs = options.all(isURL ? "header" : "env")
    if !pairs.isEmpty {
      writer.key(isURL ? "headers" : "environment")
      writer.beginObject()
      for pair in pairs {
        guard let mark = pair.firstIndex(of: "=") else {
          throw OptionError(description: isURL ? "--header takes NAME=VALUE" : "--env takes NAME=VALUE")
        }
        writer.member(String(pair[..<mark]), try value(pair[pair.index(after: mark)...]))
      }
      writer.endObject()
    }
    writer.member("trust", ifPresent: options["trust"])
    if options["timeout"] != nil {
      writer.member("timeout_ms", Int64(try options.number("timeout", default: 30, in: 1...3600)) * 1000)
    }
    writer.endObject()
    let answer = try api.call("POST", "/api/v1/mcp-servers", body: String(decoding: writer.bytes, as: UTF8.self))
    output.line(try WorkspaceCommands.document(answer)["id"]?.string ?? "")
  }

  /// A value, or with `@FILE` what a file holds: what stands on a command line is seen by others on the machine.
  private func value(_ text: Substring) throws(OptionError) -> String {
    guard text.hasPrefix("@") else { return String(text) }
    guard let value = FileAccess.read(String(text.dropFirst())) else {
      throw OptionError(description: "the file \(text.dropFirst()) cannot be read")
    }
    return String(value.reversed().drop { $0 == "\n" }.reversed())
  }

  // MARK: Answers

  /// All rows of a list, page by page.
  private func list(_ api: TaskCommands.API, _ path: String, of name: String) throws(OptionError) -> [JSONView] {
    var rows: [JSONView] = []
    var cursor: String?
    for _ in 0..<WorkspaceCommands.pagesMax {
      let root = try WorkspaceCommands.document(
        try api.call("GET", "\(path)?limit=\(WorkspaceCommands.pageRows)\(cursor.map { "&cursor=\($0)" } ?? "")"))
      rows += root[name]?.elements.map { $0 } ?? []
      cursor = root["next_cursor"]?.string
      if cursor == nil { break }
    }
    return rows
  }

  private static func line(_ row: JSONView, _ members: [String]) -> String {
    members.map { row[$0]?.string.map(AdminCommands.plain) ?? row[$0]?.int.map { "\($0)" } ?? "-" }.joined(
      separator: "\t")
  }

  private static func document(_ answer: BlockingHTTP.Answer) throws(OptionError) -> JSONView {
    guard answer.status < 400 else { throw refusal(answer) }
    guard let root = try? JSONDocument(parsing: answer.body).root else {
      throw OptionError(description: "the answer is not understood (status \(answer.status))")
    }
    return root
  }

  private static func refusal(_ answer: BlockingHTTP.Answer) -> OptionError {
    let root = (try? JSONDocument(parsing: answer.body))?.root
    var text = "\(root?["detail"]?.string ?? "refused") (status \(answer.status))"
    for fault in root?["errors"]?.elements.map({ $0 }) ?? [] {
      text += "\n  \(fault["pointer"]?.string ?? ""): \(fault["detail"]?.string ?? "")"
    }
    return OptionError(description: text)
  }

  private func perform(
    _ arguments: [String], _ body: (Options, TaskCommands.API) throws(OptionError) -> Void
  ) -> Int32 {
    do throws(OptionError) {
      let options = try Options(
        arguments.map { $0 == "-o" ? "--output" : $0 }, valued: WorkspaceCommands.options)
      try body(options, try TaskCommands(output: output, environment: environment).api(options))
      return 0
    } catch {
      output.error("cadre: \(error)")
      return 1
    }
  }
}
