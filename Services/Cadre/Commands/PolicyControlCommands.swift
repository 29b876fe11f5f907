internal import JSON
internal import LocalStack
internal import PolicyTools
internal import Primitives

/// `cadre policy status`, `mode`, `halt`, `release` and `data`: the policies of an installation that runs.
struct PolicyControlCommands {
  private static let address = "/operator/v1/policy"
  static let names: Set<String> = ["status", "mode", "halt", "release", "data"]

  let tasks: TaskCommands

  func run(_ arguments: [String]) -> Int32 {
    let rest = Array(arguments.dropFirst())
    switch arguments.first {
    case "status":
      return tasks.perform(rest, needs: "status takes no words", words: 0...0) { _, api throws(OptionError) in
        try api.call("GET", PolicyControlCommands.address)
      } show: {
        PolicyControlCommands.describe($0)
      }
    case "mode": return mode(rest)
    case "halt": return halt(rest, true)
    case "release": return halt(rest, false)
    case "data": return data(rest)
    default: return 2
    }
  }

  private func mode(_ arguments: [String]) -> Int32 {
    tasks.perform(arguments, needs: "mode needs one of off, dry_run and enforce", words: 1...1, more: ["canary"]) {
      options, api throws(OptionError) in
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("mode", options.words[0])
      if options["canary"] != nil {
        writer.member("canary_percent", Int64(try options.number("canary", default: 100, in: 0...100)))
      }
      writer.endObject()
      return try api.call("PUT", PolicyControlCommands.address, body: String(decoding: writer.bytes, as: UTF8.self))
    } show: {
      PolicyControlCommands.describe($0)
    }
  }

  private func halt(_ arguments: [String], _ isHalted: Bool) -> Int32 {
    tasks.perform(arguments, needs: "halt and release take no words", words: 0...0) { _, api throws(OptionError) in
      try api.call("PUT", PolicyControlCommands.address, body: #"{"halted":\#(isHalted)}"#)
    } show: {
      PolicyControlCommands.describe($0)
    }
  }

  private func data(_ arguments: [String]) -> Int32 {
    tasks.perform(
      arguments, needs: "data takes: show, set FILE or remove", words: 1...2, more: ["tenant", "if-version", "status"]
    ) { options, api throws(OptionError) in
      var path = "/api/v1/policy/data"
      if let tenant = options["tenant"] { path = "/operator/v1/tenants/\(try AdminCommands.part(tenant))/policy-data" }
      var headers: [String: String] = [:]
      if options["if-version"] != nil {
        headers["If-Match"] = "\"\(try options.number("if-version", default: 1, in: 1...Int(Int32.max)))\""
      }
      switch (options.words[0], options.words.count) {
      case ("show", 1): return try api.call("GET", path)
      case ("remove", 1): return try api.call("DELETE", path, headers: headers)
      case ("set", 2):
        let body = try PolicyControlCommands.document(options.words[1], status: options["status"])
        return try api.call("PUT", path, body: body, headers: headers)
      default: throw OptionError(description: "data takes: show, set FILE or remove")
      }
    } show: { root in
      let data = root["data"].map { String(decoding: $0.rawBytes, as: UTF8.self) } ?? "{}"
      return AdminCommands.describe(root) + "\n" + AdminCommands.plain(data)
    }
  }

  /// What is sent: a file in the form of `data.tenants[ID]`.
  private static func document(_ file: String, status: String?) throws(OptionError) -> String {
    let bytes = file == "-" ? LineReader.all("-") : FileAccess.bytes(file)
    guard let bytes else { throw OptionError(description: "the file \(file) cannot be read") }
    guard let root = try? JSONDocument(parsing: bytes).root, root.kind == .object else {
      throw OptionError(description: "\(file) is no JSON object")
    }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("data", raw: root.rawBytes)
    writer.member("status", ifPresent: status)
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func describe(_ root: JSONView) -> String {
    let cache = root["cache"]
    let figures = ["entries", "entries_max", "hits", "misses"].map { "\($0) \(cache?[$0]?.int ?? 0)" }
    // The list is the last member: its lines follow its name.
    let services = root["services"]?.elements.map { service($0) } ?? []
    let lines = [AdminCommands.describe(root)] + services + ["cache: " + figures.joined(separator: ", ")]
    return lines.joined(separator: "\n")
  }

  /// What a service behind the gateway has of it.
  private static func service(_ view: JSONView) -> String {
    let state = view["has_all"]?.bool == true ? "has all" : "lacks something"
    let fault = view["fault"]?.string.map { ": \($0)" } ?? ""
    let name = view["service"]?.string ?? "?"
    return AdminCommands.plain("  \(name): version \(view["version"]?.int ?? 0), \(state)\(fault)")
  }
}
