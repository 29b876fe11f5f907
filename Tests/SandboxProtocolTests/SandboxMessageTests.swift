import SandboxProtocol
import Testing

@Suite struct SandboxMessageTests {
  @Test func `a request for a run`() throws {
    var request = RunRequest(
      id: "r1", runtime: .python, source: Array("print(1)".utf8), arguments: Array("[1]".utf8), input: [0, 255],
      deterministic: .init(seed: -5, clockMilliseconds: 1_700_000_000_000), isSession: true)
    request.limits.fuel = 77
    #expect(try RunRequest(request.frame) == request)
    let module = RunRequest(id: "r2", runtime: .wasm, module: String(repeating: "0a", count: 32))
    #expect(try RunRequest(module.frame) == module)
  }

  @Test(arguments: [
    "[]", "{}", "{", #"{"id":"a","runtime":"ruby","limits":{},"session":false,"x":1}"#,
    #"{"id":"a","runtime":"wasm","limits":{},"session":false}"#,
    #"{"id":"a","runtime":"wasm","module":"../../etc/passwd","limits":{},"session":false}"#,
    #"{"id":"a","runtime":"python","limits":{"wall_ms":9999999999},"session":false}"#,
    #"{"id":"a","runtime":"python","limits":{"fuel":-1},"session":false}"#,
    #"{"id":"a","runtime":"python","limits":{"memory_bytes":1e300},"session":false}"#,
  ])
  func `requests that are refused`(header: String) {
    let frame = SandboxFrame(.run, header: Array(header.utf8), parts: [[], [], []])
    #expect(throws: SandboxMessageError.self) { try RunRequest(frame) }
  }

  @Test func `a message of another kind, or with other parts`() {
    let request = RunRequest(id: "a", runtime: .python).frame
    #expect(throws: SandboxMessageError.self) { try RunReport(request) }
    #expect(throws: SandboxMessageError.self) {
      try RunRequest(SandboxFrame(.run, header: request.header, parts: [[]]))
    }
  }

  @Test(arguments: RunOutcome.allCases)
  func `a report`(outcome: RunOutcome) throws {
    var report = RunReport(
      id: "r1", outcome: outcome, exitCode: -1, trap: "unreachable",
      standardOutput: RunOutput(bytes: [1, 2, 3], headCount: 2, totalCount: 500), result: Array("{}".utf8),
      keepsSession: true)
    report.metering.fuel = 12
    report.metering.scratchFiles = 3
    #expect(try RunReport(report.frame) == report)
    #expect(report.standardOutput.omittedCount == 497)
    #expect(report.metering.members.count == 8)
  }

  @Test func `a report that lies about its output`() {
    let report = RunReport(
      id: "r1", outcome: .ok, standardOutput: RunOutput(bytes: [1], headCount: 2, totalCount: 1))
    #expect(throws: SandboxMessageError.self) { try RunReport(report.frame) }
    let short = RunReport(id: "r1", outcome: .ok, standardError: RunOutput(bytes: [1], headCount: 1, totalCount: 0))
    #expect(throws: SandboxMessageError.self) { try RunReport(short.frame) }
  }

  @Test func `messages of compiling`() throws {
    let request = CompileRequest(id: "c", module: [0, 97])
    #expect(try CompileRequest(request.frame) == request)
    let report = CompileReport(id: "c", rejection: nil, compiled: [1], cpuMicroseconds: 5)
    #expect(try CompileReport(report.frame) == report)
    let rejected = CompileReport(id: "c", rejection: "too many functions")
    #expect(try CompileReport(rejected.frame) == rejected)
    #expect(throws: SandboxMessageError.self) {
      try CompileReport(CompileReport(id: "c", rejection: "no", compiled: [1]).frame)
    }
  }

  @Test func `messages of a start`() throws {
    var layers = SandboxLayers()
    layers.landlock = 7
    layers.hasSystemCallFilter = true
    layers.user = 61_001
    layers.namespaces = ["net"]
    #expect(try SandboxLayers(layers.frame) == layers)
    let ready = WorkerReady(engine: "50.0.1", runtimes: ["python"])
    #expect(try WorkerReady(ready.frame) == ready)
    let refusal = SandboxFrame(.refused, header: Array(#"{"layer":"landlock","errno":38}"#.utf8))
    #expect(try JailRefusal(refusal).layer == "landlock")
  }

  @Test func `only plain digests are names of modules`() {
    #expect(RunRequest.isDigest(String(repeating: "a", count: 64)))
    for text in ["", String(repeating: "A", count: 64), String(repeating: "/", count: 64), "../x"] {
      #expect(!RunRequest.isDigest(text))
    }
  }
}
