internal import HTTPWire
internal import JSON
internal import LocalStack

/// `cadre secrets rotate`: brings stored secrets under the newest keys.
struct SecretsCommands {
  /// Where each kind of stored secret is sealed anew, part by part.
  private static let kinds = [
    ("secrets of MCP servers", "/operator/v1/mcp-servers/secrets/rotation"),
    ("second factors", "/operator/v1/second-factors/rotation"),
  ]
  /// Parts of one kind; a rotation that was ended is begun again and finds most of it done.
  private static let partsMax = 1_000_000

  let output: Output
  let environment: [String: String]

  func run(_ arguments: [String]) -> Int32 {
    do throws(OptionError) {
      let options = try Options(arguments, valued: ["data", "port", "url"])
      guard options.words == ["rotate"] else { throw OptionError(description: "secrets takes: rotate") }
      let api = try TaskCommands(output: output, environment: environment).api(options)
      var unreadable: Int64 = 0
      for (name, path) in SecretsCommands.kinds { unreadable += try rotate(name, path, api) }
      guard unreadable > 0 else { return 0 }
      output.error("cadre: \(unreadable) secrets are under keys that are not there any more; set them anew")
      return 1
    } catch {
      output.error("cadre: \(error)")
      return 2
    }
  }

  /// Rotates one kind. Returns how many could not be read.
  private func rotate(_ name: String, _ path: String, _ api: TaskCommands.API) throws(OptionError) -> Int64 {
    var (examined, resealed, unreadable): (Int64, Int64, Int64) = (0, 0, 0)
    var cursor: String?
    for _ in 0..<SecretsCommands.partsMax {
      let answer = try api.call("POST", path + (cursor.map { "?cursor=\(PercentEncoding.encode($0))" } ?? ""))
      // An installation that does not have this kind.
      if answer.status == 404, cursor == nil { return 0 }
      guard answer.status == 200, let root = try? JSONDocument(parsing: answer.body).root else {
        let detail = (try? JSONDocument(parsing: answer.body))?.root["detail"]?.string
        throw OptionError(
          description: "\(name): \(detail ?? "refused") (status \(answer.status)), after \(resealed) of them")
      }
      examined += root["examined"]?.int ?? 0
      resealed += root["resealed"]?.int ?? 0
      unreadable += root["unreadable"]?.int ?? 0
      cursor = root["next_cursor"]?.string
      if cursor == nil { break }
    }
    output.line("\(name): \(examined) looked at, \(resealed) sealed anew, \(unreadable) unreadable")
    return unreadable
  }
}
