internal import HTTPWire
internal import JSON
internal import LocalStack

/// `cadre submit`, `get` and `events`: the API from a terminal.
struct TaskCommands {
  private static let options: Set<String> = ["data", "port", "url", "wait"]
  private static let taskOptions: Set<String> = ["file", "tools", "approve", "model", "system"]
  /// Largest file of a task.
  private static let fileBytesMax = 16 << 20
  /// Variable with a key for the API, instead of the one of a local stack; with `_FILE` it names a file with the key.
  static let keyVariable = "CADRE_API_KEY"
  /// Variable with the address of the API, instead of that of a local stack.
  private static let addressVariable = "CADRE_API_URL"
  /// Longer than the API keeps a request waiting.
  private static let secondsMax = 75

  let output: Output
  let environment: [String: String]

  func submit(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "submit needs a prompt", words: 1...Int.max, more: TaskCommands.taskOptions) {
      options, api throws(OptionError) in
      let wait = try options.number("wait", default: 60, in: 0...60)
      let files = try TaskCommands.upload(options.all("file"), api)
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("prompt", options.words.joined(separator: " "))
      TaskCommands.writeInput(options, to: &writer)
      if !files.isEmpty { writer.member("artefacts", files) }
      writer.endObject()
      return try api.call(
        "POST", "/api/v1/tasks", body: String(decoding: writer.bytes, as: UTF8.self),
        headers: ["Prefer": "wait=\(wait)"])
    } show: {
      TaskText.describe($0)
    }
  }

  /// What the agent is given beside the prompt.
  private static func writeInput(_ options: Options, to writer: inout JSONWriter) {
    let lists = ["tools", "approve"].map { name in (name, options.all(name).flatMap { $0.split(separator: ",") }) }
    let texts = ["model", "system"].map { ($0, options[$0]) }
    guard lists.contains(where: { !$0.1.isEmpty }) || texts.contains(where: { $0.1 != nil }) else { return }
    writer.key("input")
    writer.beginObject()
    for (name, words) in lists where !words.isEmpty { writer.member(name, words.map(String.init)) }
    for (name, text) in texts { writer.member(name, ifPresent: text) }
    writer.endObject()
  }

  /// Uploads files under their own names, or under NAME of `NAME=PATH`. Returns their ids.
  private static func upload(_ files: [String], _ api: API) throws(OptionError) -> [String] {
    var ids: [String] = []
    for file in files {
      let parts = file.split(separator: "=", maxSplits: 1).map(String.init)
      let path = parts.last ?? file
      let name = parts.count == 2 ? parts[0] : path.split(separator: "/").last.map(String.init) ?? path
      guard let bytes = FileAccess.bytes(path) else {
        throw OptionError(description: "the file \(path) cannot be read")
      }
      guard bytes.count <= fileBytesMax else {
        throw OptionError(description: "the file \(path) has more than \(fileBytesMax >> 20) MiB")
      }
      let answer = try api.upload("/api/v1/artefacts?name=\(PercentEncoding.encode(name))", bytes)
      guard let root = try? JSONDocument(parsing: answer.body).root, let id = root["id"]?.string else {
        throw OptionError(description: "\(path) was not taken (status \(answer.status)): \(answer.body.prefix(300))")
      }
      ids.append(id)
    }
    return ids
  }

  func get(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "get needs the id of a task", words: 1...1) { options, api throws(OptionError) in
      try api.call("GET", "/api/v1/tasks/\(options.words[0])")
    } show: {
      TaskText.describe($0)
    }
  }

  func events(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "events needs the id of a run", words: 1...1) { options, api throws(OptionError) in
      try api.call("GET", "/api/v1/runs/\(options.words[0])/events?limit=1000")
    } show: { root in
      guard let events = root["events"] else { return root["detail"]?.string ?? "" }
      return events.elements.map { event in
        let number = event["seq"]?.int ?? 0
        return "\(number)\t\(event["at"]?.string ?? "")\t\(event["type"]?.string ?? "")\t\(event["step"]?.string ?? "")"
      }.joined(separator: "\n")
    }
  }

  typealias Answer = BlockingHTTP.Answer

  /// The API at an address, with a key.
  struct API {
    let url: String
    let key: String
    let hint: String

    func call(
      _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:]
    ) throws(OptionError) -> BlockingHTTP.Answer {
      let all = headers.merging(["Authorization": "Bearer \(key)"]) { $1 }
      do {
        return try BlockingHTTP.request(
          method, url: url + path, headers: all, body: body, seconds: TaskCommands.secondsMax)
      } catch {
        throw OptionError(description: "nothing answers at \(url) (\(error)); \(hint)")
      }
    }

    func upload(_ path: String, _ file: [UInt8]) throws(OptionError) -> BlockingHTTP.Answer {
      do {
        return try BlockingHTTP.request(
          "POST", url: url + path, headers: ["Authorization": "Bearer \(key)"], file: file,
          seconds: TaskCommands.secondsMax)
      } catch {
        throw OptionError(description: "nothing answers at \(url) (\(error)); \(hint)")
      }
    }
  }

  func api(_ options: Options) throws(OptionError) -> API {
    let port = try options.number("port", default: 8080, in: 1...65_535)
    // A folder or a port means a stack on this machine.
    let isLocal = options["data"] != nil || options["port"] != nil
    guard let url = options["url"] ?? (isLocal ? nil : environment[TaskCommands.addressVariable]), !url.isEmpty else {
      return API(url: "http://127.0.0.1:\(port)", key: try key(options), hint: "start the stack with: cadre up")
    }
    guard url.hasPrefix("http://") || url.hasPrefix("https://"), !url.contains(" ") else {
      throw OptionError(description: "--url takes an address such as https://cadre.example.com")
    }
    let base = url.hasSuffix("/") ? String(url.dropLast()) : url
    return API(url: base, key: try key(options), hint: "is the address right?")
  }

  private func key(_ options: Options) throws(OptionError) -> String {
    if let key = environment[TaskCommands.keyVariable], !key.isEmpty { return key }
    if let path = environment[TaskCommands.keyVariable + "_FILE"], !path.isEmpty {
      guard let key = FileAccess.read(path)?.split(separator: "\n").first else {
        throw OptionError(
          description: "the file that \(TaskCommands.keyVariable)_FILE names has no key or cannot be read")
      }
      return String(key)
    }
    let data = options["data"] ?? ".local"
    guard let key = FileAccess.read(data + "/api-key")?.split(separator: "\n").first else {
      throw OptionError(
        description: "there is no key in \(data)/api-key; is this the data folder of a running stack? "
          + "\(TaskCommands.keyVariable) can hold a key too")
    }
    return String(key)
  }

  /// Makes a call and shows its answer, or says in a sentence what is wrong. `more` are options beside those of all
  /// commands.
  func perform(
    _ arguments: [String], needs sentence: String, words: ClosedRange<Int>, more: Set<String> = [],
    _ call: (Options, API) throws(OptionError) -> Answer, show: (JSONView) -> String
  ) -> Int32 {
    do throws(OptionError) {
      let options = try Options(arguments, valued: TaskCommands.options.union(more))
      guard words.contains(options.words.filter { !$0.isEmpty }.count) else {
        throw OptionError(description: sentence)
      }
      let answer = try call(options, try api(options))
      if answer.status == 204 {
        output.line("done")
        return 0
      }
      guard let root = try? JSONDocument(parsing: answer.body).root else {
        throw OptionError(description: "the answer is not understood (status \(answer.status))")
      }
      if answer.status >= 400 {
        throw OptionError(description: "\(root["detail"]?.string ?? "refused") (status \(answer.status))")
      }
      output.line(show(root))
      return 0
    } catch {
      output.error("cadre: \(error)")
      return 1
    }
  }
}
