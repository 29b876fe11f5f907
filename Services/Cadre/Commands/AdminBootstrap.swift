internal import JSON
internal import LocalStack
internal import Primitives
internal import SystemSources

/// The first user of an installation: an owner of the first tenant who may configure the installation.
enum AdminBootstrap {
  /// Its address unless another is asked for.
  static let email = "admin@localhost"

  /// Makes the user with a password that is shown once, and how to sign in. Returns `nil` when there are users already.
  static func run(
    _ api: TaskCommands.API, email: String, makesKey: Bool
  ) throws(OptionError) -> String? {
    let users = try api.call("GET", "/api/v1/users?limit=1")
    guard let root = try? JSONDocument(parsing: users.body).root, users.status == 200, let found = root["users"] else {
      throw refusal(users)
    }
    guard found.count == 0 else { return nil }
    let token = try invite(api, email)
    let password = Hex.encode(SystemRandom.bytes(12))
    let keyName = makesKey ? "bootstrap" : nil
    let answer = try api.call(
      "POST", "/api/v1/invitations/accept",
      body: acceptance(token: token, name: "Admin", password: password, keyName: keyName))
    if answer.status == 201 { return text(answer, email, password) }
    guard answer.body.contains("\"passwords_not_available\"") else { throw refusal(answer) }
    let withKey = try api.call(
      "POST", "/api/v1/invitations/accept",
      body: acceptance(token: token, name: "Admin", password: nil, keyName: "bootstrap"))
    guard withKey.status == 201 else { throw refusal(withKey) }
    return text(withKey, email, nil)
  }

  /// The token of an invitation, in place of one that nobody has accepted.
  private static func invite(_ api: TaskCommands.API, _ email: String) throws(OptionError) -> String {
    for isLast in [false, true] {
      var writer = JSONWriter()
      writer.beginObject()
      writer.member("email", email)
      writer.member("role", "owner")
      writer.member("is_operator", true)
      writer.endObject()
      let made = try api.call("POST", "/api/v1/invitations", body: String(decoding: writer.bytes, as: UTF8.self))
      if made.status == 201, let token = (try? JSONDocument(parsing: made.body).root)?["token"]?.string {
        return token
      }
      guard made.status == 409, !isLast else { throw refusal(made) }
      let waiting = try api.call("GET", "/api/v1/invitations?limit=200")
      guard let root = try? JSONDocument(parsing: waiting.body).root else { throw refusal(waiting) }
      for invitation in root["invitations"]?.elements.filter({ $0["email"]?.string == email }) ?? [] {
        _ = try api.call("DELETE", "/api/v1/invitations/\(invitation["id"]?.string ?? "")")
      }
    }
    throw OptionError(description: "the invitation of \(email) could not be made")
  }

  /// The document by which an invitation is accepted.
  static func acceptance(token: String, name: String, password: String?, keyName: String?) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("token", token)
    writer.member("name", name)
    writer.member("password", ifPresent: password)
    if let keyName {
      writer.key("key")
      writer.beginObject()
      writer.member("name", keyName)
      writer.endObject()
    }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  private static func text(_ answer: TaskCommands.Answer, _ email: String, _ password: String?) -> String {
    let root = try? JSONDocument(parsing: answer.body).root
    var lines = ["Admin:     \(email) (\(root?["id"]?.string ?? ""))"]
    if let password { lines.append("Password:  \(password)   (shown once; change it after the first sign-in)") }
    if let key = root?["key"]?.string { lines.append("Key:       \(key)   (shown once)") }
    return lines.joined(separator: "\n")
  }

  private static func refusal(_ answer: TaskCommands.Answer) -> OptionError {
    let detail = (try? JSONDocument(parsing: answer.body).root)?["detail"]?.string
    return OptionError(description: "\(detail ?? "refused") (status \(answer.status))")
  }
}
