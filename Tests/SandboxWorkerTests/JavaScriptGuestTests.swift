import JSON
import SandboxProtocol
import Testing

@Suite(.serialized, .enabled(if: Installation.hasJavaScript, "the engine folder has no JavaScript"))
struct JavaScriptGuestTests {
  @Test func `a program has arguments, input, output, files and a result`() throws {
    let worker = try JailedWorker(load: ["javascript"])
    let report = try worker.run(
      .javascript,
      """
      console.log(cadre.arguments.n * 2, cadre.input());
      console.error("aside");
      cadre.writeFile("a.txt", "größer");
      cadre.writeFile("b.bin", new Uint8Array([1, 2, 3]).subarray(1));
      cadre.table([{a: 1, b: 'x,"y'}, {a: 2}], "t");
      const [text, bytes] = [cadre.readFile("a.txt"), cadre.readBytes("b.bin")];
      cadre.result({text, bytes: [...bytes], files: cadre.listFiles().sort(), later: await Promise.resolve(5)});
      """, arguments: #"{"n": 21}"#, input: "in")
    #expect(report.outcome == .ok, "\(report.errors)")
    #expect(report.output == "42 in\n" && report.errors == "aside\n")
    #expect(
      report.resultText == #"{"text":"größer","bytes":[2,3],"files":["a.txt","b.bin","t.csv"],"later":5}"#)
    #expect(TestFile.read(worker.jailed.scratch + "/t.csv") == Array("a,b\r\n1,\"x,\"\"y\"\r\n2,\r\n".utf8))
  }

  @Test(
    arguments: [
      ("throw new Error('no')", RunOutcome.exitNonzero), ("let let", .exitNonzero),
      ("await new Promise(() => {})", .exitNonzero),
      ("const a = []; for (;;) a.push(new Array(10000).fill(1))", .memory), ("function f() { f() } f()", .stack),
      ("'('.repeat(1e6); eval('('.repeat(1e6))", .stack), ("JSON.parse('['.repeat(1e6))", .stack),
      ("cadre.readFile('/etc/passwd')", .exitNonzero), ("cadre.readFile('../etc/passwd')", .exitNonzero),
      ("cadre.writeFile('big', 'x'.repeat(20 << 20))", .disk),
      ("cadre.result({get a() { throw new Error('late') }})", .exitNonzero),
      ("cadre.result(undefined)", .exitNonzero), ("cadre.arguments = null; delete globalThis.cadre; 1", .ok),
    ] as [(String, RunOutcome)])
  func `how programs end`(source: String, outcome: RunOutcome) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.javascript, source)
    #expect(report.outcome == outcome, "\(report)")
    #expect(try worker.run(.javascript, "console.log(1)").output == "1\n")
  }

  @Test(
    arguments: [
      ("NaN", "number", "NaN"), ("[1, {a: -Infinity}]", "Array", "-Infinity"), ("'\\ud800'", "string", "surrogate"),
      ("const x = []; x.push(x); x", "Array", "circular"), ("10n ** 400n", "bigint", "BigInt"),
      ("Symbol('a')", "symbol", "no JSON value"), ("({toJSON() { throw new Error('q') }})", "Object", "q"),
      ("let x = 1; for (let i = 0; i < 80; i++) x = [x]; x", "text", "no JSON value that the platform takes"),
    ])
  func `a value that JSON cannot say is described`(source: String, type: String, reason: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.javascript, source)
    #expect(report.outcome == .ok, "\(report.errors)")
    let result = try JSONDocument(parsing: #require(report.result)).root["unrepresentable"]
    #expect(result?["type"]?.string == type, "\(report.resultText ?? "")")
    #expect(result?["reason"]?.string?.contains(reason) == true, "\(report.resultText ?? "")")
    #expect(result?["text"]?.string?.isEmpty == false)
  }

  @Test(arguments: ["NaN", "{['\\ud800']: 1}", "5n", "y", "Symbol()", "() => 1"])
  func `a result that JSON cannot say is refused with the reason`(value: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.javascript, "const y = {}; y.y = y; cadre.result(\(value))")
    #expect(report.outcome == .exitNonzero && report.result == nil)
    #expect(report.errors.contains("the result cannot be written as JSON: "), "\(report.errors)")
  }

  @Test(arguments: [
    "for (;;);", "/(a+)+b/.test('a'.repeat(64))", "cadre.result({toJSON() { for (;;); }})",
    "for (;;) try { for (;;); } catch {}", "new Proxy({}, {get() { for (;;); }}).a",
    "const f = () => Promise.resolve().then(f); f()",
  ])
  func `real time ends every program`(source: String) throws {
    let worker = try JailedWorker()
    let report = try worker.run(.javascript, "console.log('first');" + source) { $0.wallMilliseconds = 300 }
    #expect(report.outcome == .timeoutWall, "\(report)")
    #expect(report.output == "first\n")
  }

  @Test func `sessions, fuel and fixed randomness`() throws {
    let worker = try JailedWorker()
    #expect(try worker.run(.javascript, "var x = 41", isSession: true).keepsSession)
    #expect(try worker.run(.javascript, "x + 1", isSession: true).resultText == "42")
    #expect(try worker.run(.javascript, "x").outcome == .exitNonzero)
    #expect(try worker.run(.javascript, "for (;;);") { $0.fuel = 50_000_000 }.outcome == .timeoutCPU)
    let fixed = RunRequest.Deterministic(seed: 5, clockMilliseconds: 1_700_000_000_000)
    let source = "console.log(Math.random(), Date.now())"
    let first = try worker.run(.javascript, source, deterministic: fixed)
    let second = try JailedWorker().run(.javascript, source, deterministic: fixed)
    #expect(first.outcome == .ok && first.output == second.output && first.metering.fuel == second.metering.fuel)
    #expect(first.output.contains("17000000000"))
  }
}
