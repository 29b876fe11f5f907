import Foundation
import JSON
import LocalStack
import Testing

@testable import CadreOperations

/// The pure readers: metrics, log lines, answers of servers, the state of a stack.
@Suite struct ReadingTests {
  @Test func `series of a name are summed up, by label too`() {
    let metrics = MetricsText(
      """
      # HELP a_total A.
      a_total{kind="x y",text="}"} 1
      a_total{kind="z"} 2 # {trace_id="1"} 0.5
      b 1e3
      broken
      c NaN
      """)
    #expect(metrics.sum("a_total") == 3 && metrics.sum("b") == 1000)
    #expect(metrics.sum("a_total", where: ("kind", "z")) == 2)
    #expect(metrics.sum("a") == nil && metrics.sum("broken") == nil)
  }

  @Test func `a line of a service reads as time, level, process, message and attributes`() {
    let line = LogLine(
      #"{"time":"2026-01-02T03:04:05Z","level":"warning","service":"gateway","message":"it\u0007s","run":"run_1","n":2,"reason":"a b"}"#,
      source: "gateway-2")
    #expect(line.text == #"2026-01-02T03:04:05Z warning gateway-2      it s run=run_1 n=2 reason="a b""#)
    #expect(line.matches(LogFilter(level: "warning", run: "run_1")))
    #expect(!line.matches(LogFilter(level: "error")) && !line.matches(LogFilter(run: "run_2")))
  }

  @Test(arguments: ["plain \u{1B}[31mtext", "{not json", #"{"no":"message"}"#])
  func `other lines are shown as they are, without control characters`(text: String) {
    let line = LogLine(text, source: "redis")
    #expect(line.text == "redis          " + text.replacingOccurrences(of: "\u{1B}", with: " "))
    #expect(line.matches(LogFilter(level: "info")) && !line.matches(LogFilter(level: "warning")))
  }

  @Test func `logs are read in the order of time, then followed, also when they begin anew or appear`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cadre-logs-\(UUID().uuidString)")
    let logs = folder.appendingPathComponent("logs")
    try FileManager.default.createDirectory(at: logs, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func write(_ name: String, _ text: String) throws {
      try text.write(to: logs.appendingPathComponent(name + ".log"), atomically: false, encoding: .utf8)
    }
    func line(_ second: Int, _ message: String) -> String {
      "{\"time\":\"2026-01-01T00:00:0\(second)Z\",\"level\":\"info\",\"message\":\"\(message)\"}\n"
    }
    try write("gateway", line(1, "a") + "trace of a\n" + line(4, "d"))
    try write("orchestrator", line(2, "b") + line(3, "c") + "unfin")
    var reader = LogReader(data: folder.path)
    #expect(reader.sources == ["gateway", "orchestrator"])
    let first = reader.last(4, LogFilter())
    #expect(first.map { String($0.text.suffix(1)) } == ["a", "b", "c", "d"])
    #expect(reader.added(LogFilter()).isEmpty)
    try write("orchestrator", line(2, "b") + line(3, "c") + "unfinished\n")
    #expect(reader.added(LogFilter()).map(\.raw) == ["unfinished"])
    try write("gateway", line(5, "e"))
    try write("redis", "hello\n")
    #expect(Set(reader.added(LogFilter()).map { String($0.text.suffix(1)) }) == ["e", "o"])
    var one = LogReader(data: folder.path, services: ["redis"])
    #expect(one.last(10, LogFilter()).map(\.raw) == ["hello"])
    #expect(LogReader(data: folder.path + "/none").sources.isEmpty)
  }

  @Test func `the state of a stack is read as it was written`() throws {
    let state = StackState(
      url: "http://127.0.0.1:8080", postgres: "host=/tmp/x port=5432", redis: "unix:/tmp/x/redis.sock",
      executables: "/bin",
      processes: [.init(name: "gateway-2", service: "gateway", adminPort: 9080, processID: 7)])
    #expect(StackState(state.text) == state)
    #expect(StackState("{") == nil && StackState("{}") == nil)
    #expect(
      StackState(#"{"processes":[{"name":"a","service":"b","admin_port":70000,"process_id":1}]}"#)?.processes == [])
  }

  @Test func `an installation is described by options and variables`() throws {
    let found = try Installation.remote(
      admin: ["gateway=http://127.0.0.1:9080/", "orchestrator=http://no.such.host.invalid:9081"],
      api: "https://a.example/",
      environment: ["CADRE_API_KEY": "k", "CADRE_REDIS_URL": "redis://h", "CADRE_POSTGRES_URL_FILE": ""])
    #expect(found.replicas.map(\.adminURL) == ["http://127.0.0.1:9080"])
    #expect(found.unresolved.map(\.host) == ["no.such.host.invalid"])
    #expect(found.api == "https://a.example" && found.postgres == nil && found.redis == "redis://h")
    for (admin, api) in [(["x=http://h"], nil), (["gateway"], nil), ([], "ftp://x"), ([], "http://u:p@h")]
      as [([String], String?)]
    {
      #expect(throws: InstallationError.self) { try Installation.remote(admin: admin, api: api, environment: [:]) }
    }
  }

  @Test func `a call that does not end is not waited for`() {
    let found = BoundedCall.all(
      [{ 1 }, { while true { Thread.sleep(forTimeInterval: 60) } }] as [@Sendable () -> Int], seconds: 1)
    #expect(found == [1, nil])
  }

  @Test(arguments: [
    ("https://api.x.com/v1", "api.x.com"), ("http://u:p@h:80/", "h"), ("http://[::1]:9/v1", "::1"), ("x", ""),
  ])
  func `the host of an address`(url: String, host: String) { #expect(ProviderFacts.host(of: url) == host) }

  @Test func `hosts of providers are looked up only where the services run too`() throws {
    let list = #"{"providers": [{"name": "p", "base_url": "http://no.such.host.invalid/v1"}]}"#
    let root = try JSONDocument(parsing: list).root
    #expect(ServiceProbes.providers(root, isLocal: true).map(\.isResolvable) == [false])
    #expect(ServiceProbes.providers(root, isLocal: false).map(\.isResolvable) == [nil])
  }

  @Test func `amounts and times for people`() {
    #expect(StatusSummary.dollars(1_234_567_499) == "$1.234567" && StatusSummary.dollars(0) == "$0.000000")
    #expect(StatusSummary.duration(119) == "119 s" && StatusSummary.duration(7199) == "119 min")
  }
}
