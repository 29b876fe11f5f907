internal import JSON
internal import LocalStack
internal import Primitives
internal import SystemSources

/// Asks the admin listeners of the services.
enum ServiceProbes {
  private static let logBytesMax = 4096

  /// What a replica says of itself. It blocks its thread for a few times `seconds`.
  static func look(at replica: Installation.Replica, seconds: Int) -> ReplicaFacts {
    var facts = ReplicaFacts(replica: replica)
    guard let ready = get(replica, "/readyz", seconds) else {
      facts.lastLine = replica.log.flatMap {
        FileAccess.tail($0, bytesMax: logBytesMax).split(separator: "\n").last.map { String($0.prefix(400)) }
      }
      return facts
    }
    let before = WallClock.now().unixMicroseconds
    let status = get(replica, "/statusz", seconds)?.body ?? ""
    let after = WallClock.now().unixMicroseconds
    var answer = ReplicaFacts.Answer(
      isReady: ready.status == 200, version: "", metrics: MetricsText(get(replica, "/metrics", seconds)?.body ?? ""))
    answer.failed = failed(ready.body)
    if let root = try? JSONDocument(parsing: status).root {
      answer.version = root["version"]?.string ?? ""
      answer.uptimeSeconds = root["uptime_seconds"]?.int ?? 0
      answer.clockOffset = root["time_us"]?.int.map { $0 &- (before &+ (after &- before) / 2) }
      for setting in root["settings"].elements {
        if let key = setting["key"]?.string { answer.settings[key] = setting["value"]?.string }
      }
    }
    facts.answer = answer
    return facts
  }

  private static func get(_ replica: Installation.Replica, _ path: String, _ seconds: Int) -> BlockingHTTP.Answer? {
    try? BlockingHTTP.request(url: replica.adminURL + path, seconds: seconds)
  }

  private static func failed(_ body: String) -> [String] {
    guard let checks = try? JSONDocument(parsing: body).root["checks"] else { return [] }
    return checks.members.compactMap { $0.value.bool == false ? $0.key.string : nil }
  }

  // MARK: The API

  /// Calls that read and cost nothing: one that the orchestrator answers, one that the llm-router answers, and the list
  /// of providers. Of the network of services that run elsewhere (not `isLocal`) this machine knows nothing.
  static func call(_ api: String, key: String?, isLocal: Bool, seconds: Int) -> Outcome<APIFacts> {
    let headers = key.map { ["Authorization": "Bearer \($0)"] } ?? [:]
    var facts = APIFacts()
    for path in ["/api/v1/tasks?limit=1", "/api/v1/budgets", "/api/v1/providers"] {
      do {
        let answer = try BlockingHTTP.request(url: api + path, headers: headers, seconds: seconds)
        let root = try? JSONDocument(parsing: answer.body).root
        facts.calls.append(CallFacts(path: path, status: answer.status, code: root?["code"]?.string ?? ""))
        if answer.status == 200, path == "/api/v1/providers" {
          facts.providers = root.map { providers($0, isLocal: isLocal) }
        }
      } catch { return .failed("\(api) gives no answer: \(error)") }
    }
    return .seen(facts)
  }

  /// The listed providers.
  static func providers(_ root: JSONView, isLocal: Bool) -> [ProviderFacts] {
    let list = root["providers"] ?? root["data"]
    return list.elements.prefix(BoundedCall.callsMax).map { one in
      let host = ProviderFacts.host(of: one["base_url"]?.string ?? "")
      return ProviderFacts(
        name: one["name"]?.string ?? "", host: host, isUp: one["probe"]?["up"]?.bool,
        fault: one["probe"]?["fault"]?.string, isResolvable: isLocal ? !HostName.addresses(of: host).isEmpty : nil,
        breakers: one["unhealthy"].elements.map {
          ($0["model"]?.string ?? "", $0["breaker"]?.string ?? "")
        })
    }
  }
}

extension ProviderFacts {
  /// The host of an address.
  static func host(of url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return "" }
    let authority = url[scheme.upperBound...].prefix { $0 != "/" }.split(separator: "@").last ?? ""
    if authority.first == "[" { return String(authority.dropFirst().prefix { $0 != "]" }) }
    return String(authority.prefix { $0 != ":" })
  }
}

extension Optional where Wrapped == JSONView {
  /// The elements of a list; none where there is no list.
  var elements: [JSONView] { self.map { Array($0.elements) } ?? [] }
}
