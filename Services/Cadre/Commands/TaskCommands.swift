internal import JSON
internal import LocalStack

/// `cadre submit`, `get` and `events`: the API from a terminal.
struct TaskCommands {
  private static let options: Set<String> = ["data", "port", "url", "wait"]
  /// Variable with a key for the API, instead of the one of a local stack.
  static let keyVariable = "CADRE_API_KEY"
  /// Longer than the API keeps a request waiting.
  private static let secondsMax = 75

  let output: Output
  let environment: [String: String]

  func submit(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "submit needs a prompt", words: 1...Int.max) { options, api throws(OptionError) in
      let wait = try options.number("wait", default: 60, in: 0...60)
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("prompt", options.words.joined(separator: " "))
      writer.endObject()
      return try api.call(
        "POST", "/api/v1/tasks", body: String(decoding: writer.bytes, as: UTF8.self),
        headers: ["Prefer": "wait=\(wait)"])
    } show: {
      TaskText.describe($0)
    }
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
  }

  func api(_ options: Options) throws(OptionError) -> API {
    let port = try options.number("port", default: 8080, in: 1...65_535)
    guard let url = options["url"] else {
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
