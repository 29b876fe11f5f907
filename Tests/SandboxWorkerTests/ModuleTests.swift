import Glibc
import SandboxProtocol
import SandboxWorker
import Testing

/// Modules that users bring: compiled in one worker, run in another.
@Suite(.serialized, .enabled(if: Installation.hasGuests, "the engine folder has no guests for the tests"))
struct ModuleTests {
  private static let compiling = ["--data-bytes", "\(768 << 20)", "--cpu-seconds", "3"]

  /// A worker with the probe compiled, and its digest.
  private static func worker() throws -> (JailedWorker, String) {
    let compiler = try JailedWorker("compile", jail: compiling)
    let report = try compiler.compile(TestFile.read(Installation.engine + "/guests/probe.wasm"))
    #expect(report.rejection == nil)
    let worker = try JailedWorker()
    let place = worker.modules + "/new"
    TestFile.write(report.compiled, place)
    let digest = try #require(EngineFolder.digest(of: place))
    rename(place, "\(worker.modules)/\(digest).cwasm")
    return (worker, digest)
  }

  @Test func `how modules end`() throws {
    let (worker, digest) = try Self.worker()
    let cases: [(String, RunOutcome, Int64?)] = [
      ("hello", .ok, 0), ("exit", .exitNonzero, 7), ("abort", .trap, nil), ("memory", .exitNonzero, 3),
      ("flood", .outputTruncated, 4), ("paths", .ok, 0), ("environment", .ok, 0), ("random", .ok, 0),
      ("sleep", .timeoutWall, nil), ("loop", .timeoutWall, nil), ("disk", .disk, nil), ("files", .disk, nil),
    ]
    for (word, outcome, status) in cases {
      let report = try worker.run(.wasm, module: digest, input: word) {
        $0.memoryBytes = 32 << 20
        // What has to end by the clock ends soon, the rest has all the time it needs.
        if ["sleep", "loop"].contains(word) { $0.wallMilliseconds = 300 }
        $0.scratchBytes = word == "disk" ? 8 << 20 : 64 << 20
      }
      #expect(report.outcome == outcome, "\(word): \(report)")
      #expect(report.exitCode == status, "\(word)")
      #expect(!report.output.contains("OPEN"), "\(word)")
      if word == "memory" { #expect(report.metering.peakMemoryBytes <= 32 << 20) }
    }
    let recursion = try worker.run(.wasm, module: digest, input: "recurse")
    #expect([.trap, .stack].contains(recursion.outcome))
    let fixed = RunRequest.Deterministic(seed: 3, clockMilliseconds: 1_700_000_000_000)
    let first = try worker.run(.wasm, module: digest, input: "random", deterministic: fixed)
    let second = try worker.run(.wasm, module: digest, input: "random", deterministic: fixed)
    #expect(first.output == second.output && first.metering.fuel == second.metering.fuel)
    #expect(first.output.hasSuffix(" 1700000000\n"))
  }

  @Test func `a module that is not what its name says is not loaded`() throws {
    let (worker, digest) = try Self.worker()
    let good = TestFile.read("\(worker.modules)/\(digest).cwasm")
    var bad = good
    bad[bad.count / 2] ^= 1
    TestFile.write(bad, "\(worker.modules)/\(digest).cwasm")
    #expect(try worker.run(.wasm, module: digest, input: "hello").outcome == .sandboxError)
    #expect(try worker.run(.wasm, module: String(repeating: "0", count: 64)).outcome == .sandboxError)
    TestFile.write(good, "\(worker.modules)/\(digest).cwasm")
    #expect(try worker.run(.wasm, module: digest, input: "hello").outcome == .ok)
  }

  @Test func `modules that are rejected`() throws {
    let compiler = try JailedWorker("compile", jail: Self.compiling)
    let good = TestFile.read(Installation.engine + "/guests/probe.wasm")
    var changed = good
    for place in stride(from: 2000, to: 6000, by: 7) { changed[place] ^= 0x55 }
    let start = ModuleBytes.module(ModuleBytes.start)
    let import_ = ModuleBytes.module(ModuleBytes.start, imports: [("other", "function")])
    for bytes in [[], Array(good.prefix(5000)), changed, import_, ModuleBytes.module([]), good + [99, 1]] {
      let report = try compiler.compile(bytes)
      #expect(report.rejection != nil && report.compiled.isEmpty)
    }
    #expect(try compiler.compile(start).rejection == nil)
    #expect(try compiler.compile(good).rejection == nil, "the worker is as well as before")
  }

  @Test func `a module that takes the compiler too long ends the worker, not more`() throws {
    let compiler = try JailedWorker("compile", jail: ["--data-bytes", "\(768 << 20)", "--cpu-seconds", "1"])
    // One function with very many branches, below every limit of shape.
    var limits = ModuleLimits()
    limits.functionBytes = 4 << 20
    let bytes = ModuleBytes.branches(500_000)
    try compiler.jailed.send(CompileRequest(id: "c", module: bytes, limits: limits).frame.encoded())
    let answer = try compiler.jailed.next()
    if answer == nil { #expect(compiler.jailed.wait() < 0) }
  }
}

/// Small modules, made by hand.
enum ModuleBytes {
  static let start = Array("_start".utf8)

  static func number(_ value: Int) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    repeat {
      let low = UInt8(rest & 127)
      rest >>= 7
      bytes.append(rest == 0 ? low : low | 128)
    } while rest != 0
    return bytes
  }

  static func section(_ id: UInt8, _ content: [UInt8]) -> [UInt8] { [id] + number(content.count) + content }

  static func text(_ text: [UInt8]) -> [UInt8] { number(text.count) + text }

  /// A module that exports its one function, which has `body`.
  static func module(
    _ name: [UInt8], imports: [(String, String)] = [], body: [UInt8] = [0, 0x0b], functions: Int = 1
  ) -> [UInt8] {
    var bytes: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
    bytes += section(1, [1, 0x60, 0, 0])
    if !imports.isEmpty {
      bytes += section(
        2, number(imports.count) + imports.flatMap { text(Array($0.0.utf8)) + text(Array($0.1.utf8)) + [0, 0] })
    }
    bytes += section(3, number(functions) + [UInt8](repeating: 0, count: functions))
    bytes += section(7, [1] + text(name) + [0] + number(imports.count))
    let one = number(body.count) + body
    return bytes + section(10, number(functions) + (0..<functions).flatMap { _ in one })
  }

  /// A module whose one function is a branch with many targets, many times.
  static func branches(_ count: Int) -> [UInt8] {
    let table: [UInt8] = [0x02, 0x40, 0x41, 0, 0x0e] + number(5) + [0, 0, 0, 0, 0, 0, 0x0b]
    var body: [UInt8] = [0]
    for _ in 0..<(count / table.count) { body += table }
    return module(start, body: body + [0x0b])
  }
}
