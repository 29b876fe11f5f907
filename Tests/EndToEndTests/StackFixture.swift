import Foundation
import JSON
import LocalStack
import Process
import Synchronization
import Testing

/// Everything that needs the whole installation, one test after the other.
@Suite(.serialized) enum EndToEndTests {}

/// One whole installation for the suite: private Postgres and Redis, the real executables, a scripted provider.
final class StackFixture: @unchecked Sendable {
  // @unchecked: the suite is serialized, one test touches it at a time.
  static let shared = Result { try StackFixture() }

  static let otherKey = "cadre_other_tenant_key_0001"

  /// Short, so that lost workers are noticed soon; long enough for heartbeats of a busy machine.
  static let leaseMilliseconds = 3000

  /// For everything that comes by itself. Nothing takes so long; a busy machine may.
  static let patienceSeconds = 120.0

  let stack: LocalStack
  private let folder: String
  private let turn = Mutex(0)

  private init() throws {
    folder = "/tmp/cadre-e2e-\(getpid())"
    var configuration = StackConfiguration(data: folder, executables: StackFixture.executables)
    configuration.port = 0
    configuration.replicas = 2
    configuration.isThrowaway = true
    try FileAccess.makeFolder(folder)
    try FileAccess.write(folder + "/mock.yaml", StackFixture.scripts)
    try FileAccess.write(folder + "/gateway.yaml", StackFixture.keys)
    configuration.environment = [
      "mock-provider": ["CADRE_CONFIG": folder + "/mock.yaml"], "gateway": ["CADRE_CONFIG": folder + "/gateway.yaml"],
      "orchestrator": [
        "CADRE_LEASE_DURATION_MS": "\(StackFixture.leaseMilliseconds)",
        "CADRE_MCP_ALLOWED_COMMANDS": "/usr/bin/python3",
      ], "agent-core": ["CADRE_MCP_COMMANDS": "/usr/bin/python3"],
    ]
    stack = try LocalStack(configuration)
    try stack.startServices()
    atexit { StackFixture.end() }
  }

  private static func end() {
    guard case .success(let fixture) = shared else { return }
    fixture.stack.stop()
    try? FileManager.default.removeItem(atPath: fixture.folder)
  }

  /// The root of the sources.
  static var repository: String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }

  /// A replica of a service, one after the other: what one has learned, the next must know.
  func port(of service: String) -> Int {
    let ports = stack.ports(of: service)
    let index = turn.withLock { turn in
      turn += 1
      return turn
    }
    return ports[index % max(1, ports.count)]
  }

  /// The executables lie beside the test bundle.
  static var executables: String {
    let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    let beside = (own as NSString).deletingLastPathComponent
    if FileManager.default.fileExists(atPath: beside + "/gateway") { return beside }
    let bundle = CommandLine.arguments.first { $0.contains(".xctest") } ?? own
    return (bundle as NSString).deletingLastPathComponent
  }

  private static let scripts = """
    scripts:
      - {match: "compute", reply: "The tool says so.", tool_call: {name: calculator, arguments: '{"expression":"6*7"}'}}
      - match: "ponder"
        reply: "The tool says so."
        tool_call: {name: calculator, arguments: '{"expression":"6*7"}'}
        latency_ms: 700
      - match: "deliberate"
        times: 1
        tool_call: {name: calculator, arguments: '{"expression":"6*7"}'}
        latency_ms: 12000
      - {match: "deliberate", reply: "The tool says so."}
      - match: "ask a person"
        reply: "A person has answered."
        tool_call: {name: ask_human, arguments: '{"question":"Which colour?"}'}
      - {match: "think long", reply: "done: {prompt}", latency_ms: 1000}
      - {match: "refuse", status: 400}
      - {match: "break down", status: 500}
      - {match: "Context:", reply: "made of {prompt}"}
      - match: "plan it"
        reply: 'Here: {"steps": [{"key": "a", "prompt": "first part"}, {"key": "b", "prompt": "second", "depends_on": ["a"]}]}'
      - {match: "plan badly", reply: "I cannot plan."}
      - {match: "never end", reply: "one two three four five six", fault: stall}
      - {match: "stream", reply: "one two three four five six seven eight nine ten"}
    """

  /// The key of a second tenant, by its digest.
  private static let keys = """
    auth:
      keys:
        - name: other
          tenant: tenant_00000000000070008000000000000002
          sha256: \(sha256(otherKey))
    """

  private static func sha256(_ text: String) -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/sha256sum")
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try? process.run()
    input.fileHandleForWriting.write(Data(text.utf8))
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
    return String(decoding: output.fileHandleForReading.availableData.prefix(64), as: UTF8.self)
  }

  // MARK: Calls

  /// A call of the API.
  func call(
    _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:], key: String? = nil,
    service: String = "gateway", seconds: Int = 90
  ) -> (status: Int, text: String) {
    var all = headers
    if service == "gateway" { all["Authorization"] = all["Authorization"] ?? "Bearer \(key ?? stack.apiKey)" }
    let answer = BlockingHTTP.send(
      method, port: port(of: service), path: path, headers: all, body: body, seconds: seconds)
    return (answer?.status ?? 0, answer?.body ?? "")
  }

  /// A call whose answer is JSON.
  func json(
    _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:], key: String? = nil
  ) throws -> (status: Int, root: JSONView) {
    let (status, text) = call(method, path, body: body, headers: headers, key: key)
    return (status, try JSONDocument(parsing: text).root)
  }

  /// Submits a prompt and waits up to `wait` seconds.
  func submit(_ prompt: String, wait: Int = 60) throws -> (status: Int, root: JSONView) {
    try json("POST", "/api/v1/tasks", body: "{\"prompt\":\"\(prompt)\"}", headers: ["Prefer": "wait=\(wait)"])
  }

  /// Waits until a task has ended.
  func end(of task: String) throws -> JSONView {
    var last: JSONView?
    try wait("the task \(task) has ended") {
      let (status, text) = call("GET", "/api/v1/tasks/\(task)")
      guard status == 200 else { return false }
      let root = try JSONDocument(parsing: text).root
      last = root
      return ["succeeded", "failed", "cancelled"].contains(root["status"]?.string ?? "")
    }
    return try #require(last)
  }

  /// What the mock provider has counted itself.
  func providerCalls() throws -> Int64 {
    let (_, text) = call("GET", "/mock/usage", service: "mock-provider")
    return try #require(try JSONDocument(parsing: text).root["calls"]?.int, "the provider does not answer")
  }

  /// Ends all replicas of a service without warning and starts them again.
  func crash(_ name: String) throws {
    let replicas = stack.replicas(of: name)
    guard !replicas.isEmpty else { throw StackError("\(name) does not run") }
    for replica in replicas { kill(replica.process.processID, SIGKILL) }
    for replica in replicas {
      _ = replica.process.wait(seconds: 5)
      try stack.launch(replica.name)
    }
    for replica in stack.replicas(of: name) { try stack.waitUntilReady(replica) }
  }

  /// The events of a run.
  func events(_ run: String) throws -> [JSONView] {
    let (status, root) = try json("GET", "/api/v1/runs/\(run)/events?limit=1000")
    guard status == 200, let events = root["events"] else { throw StackError("no events of \(run): \(status)") }
    return Array(events.elements)
  }
}
