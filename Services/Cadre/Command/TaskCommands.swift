internal import Glibc
internal import JSON
internal import LocalStack

/// `cadre submit`, `get` and `events`: the API from a terminal.
enum TaskCommands {
  private static let options: Set<String> = ["data", "port", "wait"]

  static func submit(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "submit needs a prompt", words: 1...Int.max) { options, api in
      let wait = try options.number("wait", default: 60, in: 0...60)
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("prompt", options.words.joined(separator: " "))
      writer.endObject()
      return api.call(
        "POST", "/api/v1/tasks", body: String(decoding: writer.bytes, as: UTF8.self),
        headers: ["Prefer": "wait=\(wait)"])
    } show: {
      TaskText.describe($0)
    }
  }

  static func get(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "get needs the id of a task", words: 1...1) { options, api in
      api.call("GET", "/api/v1/tasks/\(options.words[0])")
    } show: {
      TaskText.describe($0)
    }
  }

  static func events(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "events needs the id of a run", words: 1...1) { options, api in
      api.call("GET", "/api/v1/runs/\(options.words[0])/events?limit=1000")
    } show: { root in
      guard let events = root["events"] else { return root["detail"]?.string ?? "" }
      return events.elements.map { event in
        let number = event["seq"]?.int ?? 0
        return "\(number)\t\(event["at"]?.string ?? "")\t\(event["type"]?.string ?? "")\t\(event["step"]?.string ?? "")"
      }.joined(separator: "\n")
    }
  }

  private struct API {
    let port: Int
    let key: String

    func call(
      _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:]
    ) -> PlainHTTP.Answer? {
      let all = headers.merging(["Authorization": "Bearer \(key)"]) { $1 }
      return PlainHTTP.send(method, port: port, path: path, headers: all, body: body, seconds: 75)
    }
  }

  private static func perform(
    _ arguments: [String], needs sentence: String, words: ClosedRange<Int>,
    _ call: (Options, API) throws -> PlainHTTP.Answer?, show: (JSONView) -> String
  ) -> Int32 {
    do {
      let options = try Options(arguments, valued: TaskCommands.options)
      guard words.contains(options.words.filter { !$0.isEmpty }.count) else {
        throw OptionError(description: sentence)
      }
      let port = try options.number("port", default: 8080, in: 1...65_535)
      let data = options["data"] ?? ".local"
      guard let key = FileAccess.read(data + "/api-key")?.split(separator: "\n").first else {
        throw OptionError(
          description: "there is no key in \(data)/api-key; is this the data folder of a running stack?")
      }
      guard let answer = try call(options, API(port: port, key: String(key))) else {
        throw OptionError(description: "nothing answers on port \(port); start the stack with: cadre up")
      }
      guard let root = try? JSONDocument(parsing: answer.body).root else {
        throw OptionError(description: "the answer is not understood (status \(answer.status))")
      }
      if answer.status >= 400 {
        throw OptionError(description: "\(root["detail"]?.string ?? "refused") (status \(answer.status))")
      }
      print(show(root))
      return 0
    } catch {
      Output.error("cadre: \(error)")
      return 1
    }
  }
}
