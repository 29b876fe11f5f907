internal import JSON
internal import LocalStack
internal import Primitives
internal import SystemSources

/// `cadre admin`: tenants, users, service accounts, keys and invitations.
struct AdminCommands {
  private static let options: Set<String> = [
    "owner", "email", "name", "role", "description", "subject", "for", "grants", "project", "expires", "overlap",
    "password-file", "cursor", "key-name",
  ]

  let tasks: TaskCommands

  func run(_ arguments: [String]) -> Int32 {
    let rest = Array(arguments.dropFirst(2))
    switch (arguments.first, arguments.count > 1 ? arguments[1] : nil) {
    case ("bootstrap", _): return bootstrap(Array(arguments.dropFirst()))
    case ("tenants", "list"): return list(rest, "/operator/v1/tenants", "tenants", ["id", "state", "name"])
    case ("tenants", "create"): return createTenant(rest)
    case ("tenants", "get"): return act(rest, "GET", "/operator/v1/tenants", show: AdminCommands.describeTenant)
    case ("tenants", "suspend"):
      return act(rest, "POST", "/operator/v1/tenants", "/suspend", show: AdminCommands.describeTenant)
    case ("tenants", "resume"):
      return act(rest, "POST", "/operator/v1/tenants", "/resume", show: AdminCommands.describeTenant)
    case ("tenants", "delete"): return act(rest, "DELETE", "/operator/v1/tenants", show: AdminCommands.describeTenant)
    case ("tenants", "export"): return act(rest, "GET", "/operator/v1/tenants", "/export")
    case ("users", "list"): return list(rest, "/api/v1/users", "users", ["id", "role", "email", "name"])
    case ("users", "get"): return get(rest, "/api/v1/users")
    case ("users", "update"): return update(rest, "/api/v1/users", ["name", "role"])
    case ("users", "remove"): return act(rest, "DELETE", "/api/v1/users")
    case ("service-accounts", "list"):
      return list(rest, "/api/v1/service-accounts", "service_accounts", ["id", "role", "name"])
    case ("service-accounts", "create"):
      return create(rest, "/api/v1/service-accounts", "name", ["role", "description"])
    case ("service-accounts", "get"): return get(rest, "/api/v1/service-accounts")
    case ("service-accounts", "update"):
      return update(rest, "/api/v1/service-accounts", ["name", "role", "description"])
    case ("service-accounts", "remove"): return act(rest, "DELETE", "/api/v1/service-accounts")
    case ("keys", "list"): return list(rest, "/api/v1/keys", "keys", ["id", "subject", "name", "last_used_at"])
    case ("keys", "create"): return createKey(rest)
    case ("keys", "get"): return get(rest, "/api/v1/keys")
    case ("keys", "rotate"): return rotate(rest)
    case ("keys", "revoke"): return act(rest, "DELETE", "/api/v1/keys")
    case ("invitations", "list"):
      return list(rest, "/api/v1/invitations", "invitations", ["id", "role", "email", "expires_at"])
    case ("invitations", "create"): return create(rest, "/api/v1/invitations", "email", ["role"])
    case ("invitations", "get"): return get(rest, "/api/v1/invitations")
    case ("invitations", "revoke"): return act(rest, "DELETE", "/api/v1/invitations")
    case ("invitations", "accept"): return accept(rest)
    default:
      tasks.output.error("cadre: there is no such command; see cadre admin --help")
      return 2
    }
  }

  // MARK: What all have

  private func list(_ arguments: [String], _ path: String, _ name: String, _ columns: [String]) -> Int32 {
    perform(arguments, needs: "list takes no words", words: 0...0) { options, api throws(OptionError) in
      var query = "?limit=100"
      for item in ["cursor", "subject"] {
        if let value = options[item] { query += "&\(item)=\(try AdminCommands.part(value))" }
      }
      return try api.call("GET", path + query)
    } show: { root in
      let rows = root[name].map { Array($0.elements) } ?? []
      var lines = rows.map { row in
        columns.map { AdminCommands.plain(row[$0]?.string ?? "-") }.joined(separator: "\t")
      }
      if rows.isEmpty { lines.append("none") }
      if let cursor = root["next_cursor"]?.string { lines.append("more: --cursor \(cursor)") }
      return lines.joined(separator: "\n")
    }
  }

  private func get(_ arguments: [String], _ path: String) -> Int32 { act(arguments, "GET", path) }

  private func act(
    _ arguments: [String], _ method: String, _ path: String, _ end: String = "",
    show: @escaping (JSONView) -> String = AdminCommands.describe
  ) -> Int32 {
    perform(arguments, needs: "an id is needed", words: 1...1) { options, api throws(OptionError) in
      try api.call(method, "\(path)/\(try AdminCommands.part(options.words[0]))\(end)")
    } show: {
      show($0)
    }
  }

  private func create(_ arguments: [String], _ path: String, _ word: String, _ members: [String]) -> Int32 {
    perform(arguments, needs: "a \(word) is needed", words: 1...1) { options, api throws(OptionError) in
      var body: [(String, String?)] = [(word, options.words[0])]
      for member in members { body.append((member, options[member])) }
      return try api.call("POST", path, body: AdminCommands.document(body))
    } show: {
      AdminCommands.describe($0)
    }
  }

  private func update(_ arguments: [String], _ path: String, _ members: [String]) -> Int32 {
    perform(arguments, needs: "an id is needed", words: 1...1) { options, api throws(OptionError) in
      try api.call(
        "PATCH", "\(path)/\(try AdminCommands.part(options.words[0]))",
        body: AdminCommands.document(members.map { ($0, options[$0]) }))
    } show: {
      AdminCommands.describe($0)
    }
  }

  // MARK: What is special

  private func createTenant(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "a name is needed", words: 1...1) { options, api throws(OptionError) in
      try api.call(
        "POST", "/operator/v1/tenants",
        body: AdminCommands.document([("name", options.words[0]), ("owner_email", options["owner"])]))
    } show: { root in
      var text = AdminCommands.describe(root)
      if let invitation = root["invitation"] { text += "\ninvitation:\n" + AdminCommands.describe(invitation) }
      return text
    }
  }

  private func createKey(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "a name is needed", words: 1...1) { options, api throws(OptionError) in
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("name", options.words[0])
      writer.member("service_account_id", ifPresent: options["for"])
      writer.member("project", ifPresent: options["project"])
      writer.member("expires_at", ifPresent: options["expires"])
      if let grants = options["grants"] { writer.member("grants", grants.split(separator: ",").map(String.init)) }
      writer.endObject()
      return try api.call("POST", "/api/v1/keys", body: String(decoding: writer.bytes, as: UTF8.self))
    } show: {
      AdminCommands.describe($0)
    }
  }

  private func rotate(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "the id of a key is needed", words: 1...1) { options, api throws(OptionError) in
      let overlap = try options.number("overlap", default: 86_400, in: 0...2_592_000)
      return try api.call(
        "POST", "/api/v1/keys/\(try AdminCommands.part(options.words[0]))/rotate",
        body: "{\"overlap_seconds\":\(overlap)}")
    } show: {
      AdminCommands.describe($0)
    }
  }

  private func accept(_ arguments: [String]) -> Int32 {
    perform(arguments, needs: "the token of an invitation is needed", words: 1...1) {
      options, api throws(OptionError) in
      var password: String?
      if let path = options["password-file"] {
        guard let line = FileAccess.read(path)?.split(separator: "\n").first else {
          throw OptionError(description: "there is no password in \(path)")
        }
        password = String(line)
      }
      let keyName = options["key-name"] ?? (password == nil ? "first" : nil)
      return try api.call(
        "POST", "/api/v1/invitations/accept",
        body: AdminBootstrap.acceptance(
          token: options.words[0], name: options["name"] ?? "", password: password, keyName: keyName))
    } show: {
      AdminCommands.describe($0)
    }
  }

  private func bootstrap(_ arguments: [String]) -> Int32 {
    do throws(OptionError) {
      let options = try Options(arguments, valued: ["data", "port", "url", "email"])
      guard options.words.isEmpty else { throw OptionError(description: "bootstrap takes no words") }
      let made = try AdminBootstrap.run(
        try tasks.api(options), email: options["email"] ?? AdminBootstrap.email, makesKey: true)
      guard let made else {
        throw OptionError(
          description: "the tenant of this key has users already; invite others: cadre admin invitations create EMAIL")
      }
      tasks.output.line(made)
      return 0
    } catch {
      tasks.output.error("cadre: \(error)")
      return 1
    }
  }

  // MARK: Texts

  /// An object of strings; those that are `nil` are left out.
  static func document(_ members: [(String, String?)]) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    for (name, value) in members { writer.member(name, ifPresent: value) }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The members of a document, one a line.
  static func describe(_ root: JSONView) -> String {
    root.members.compactMap { key, value in
      guard let name = key.string, value.kind != .object, !value.isNull else { return nil }
      let text =
        value.string ?? (value.kind == .array ? value.elements.compactMap(\.string).joined(separator: ", ") : nil)
        ?? String(decoding: value.rawBytes, as: UTF8.self)
      return "\(name): \(plain(text))"
    }.joined(separator: "\n")
  }

  /// A tenant, and a line for each service: whether it has confirmed, and what is left of a tenant that is deleted.
  static func describeTenant(_ root: JSONView) -> String {
    let services = root["services"].map { Array($0.elements) } ?? []
    let lines = services.map { service in
      var words = [service["service"]?.string ?? "-"]
      words.append(service["confirmed"]?.bool == true ? "confirmed" : "not confirmed yet")
      if let total = service["total"]?.int { words.append("\(total) rows left") }
      if let deletedAt = service["deleted_at"]?.string { words.append("deleted at \(deletedAt)") }
      if let failure = service["failure"]?.string { words.append(failure) }
      return "  " + plain(words.joined(separator: ", "))
    }
    let text = describe(root).split(separator: "\n").filter { !$0.hasPrefix("services:") }.joined(separator: "\n")
    return ([text] + lines).joined(separator: "\n")
  }

  /// What others have written must not steer a terminal.
  static func plain(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: scalars.append(" ")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// A word that may stand in an address as it is.
  static func part(_ word: String) throws(OptionError) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: "-")
    }
    guard isPlain, !word.isEmpty else { throw OptionError(description: "\"\(word)\" is no id") }
    return word
  }

  private func perform(
    _ arguments: [String], needs sentence: String, words: ClosedRange<Int>,
    _ call: (Options, TaskCommands.API) throws(OptionError) -> TaskCommands.Answer, show: (JSONView) -> String
  ) -> Int32 {
    tasks.perform(arguments, needs: sentence, words: words, more: AdminCommands.options, call, show: show)
  }
}
