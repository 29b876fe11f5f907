import SandboxProtocol

/// Modules that are malformed, made to exhaust a compiler, or hostile when they run.
extension HostileCase {
  private typealias W = WasmEncoder
  private static let rejected: Set<String> = ["compile_rejected"]
  private static let trap: Set<String> = ["trap"]
  /// Refused when compiled, or later.
  private static let refused: Set<String> = ["compile_rejected", "denied", "trap", "memory"]

  static let malformedModules: [HostileCase] = [
    .wasm("nothing", rejected) { [] },
    .wasm("no magic", rejected) { [1, 2, 3, 4, 5, 6, 7, 8] },
    .wasm("only the header", refused.union(["exit_nonzero"])) { W.header },
    .wasm("random bytes", rejected) { (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) } },
    .wasm("cut in the middle", rejected) { Array(W.command([]).encoded().dropLast(3)) },
    .wasm("native code", rejected) { [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + [UInt8](repeating: 0, count: 4096) },
    .wasm("a forged compiled module", rejected) {
      Array("\u{7F}ELFwasmtime".utf8) + [UInt8](repeating: 0x90, count: 8192)
    },
    .wasm("a component", rejected) { [0, 0x61, 0x73, 0x6D, 0x0D, 0, 1, 0] },
    .wasm("another version", rejected) { [0, 0x61, 0x73, 0x6D, 2, 0, 0, 0] },
    .wasm("a length beyond the end", rejected) { W.header + [1, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F] },
    .wasm("a number without end", rejected) { W.header + [1] + [UInt8](repeating: 0x80, count: 100) },
    .wasm("sections out of order", rejected) { W.header + W.section(3, [0]) + W.section(1, [0]) },
    .wasm("a section twice", rejected) { W.header + W.section(1, [0]) + W.section(1, [0]) },
    .wasm("an unknown section", rejected) { W.header + W.section(99, [0]) },
    .wasm("a body without end", rejected) {
      var m = W.command([]); m.bodies = [([], [0x02, 0x40])]; return m.encoded()
    },
    .wasm("an unknown instruction", rejected) { W.command([0xFF, 0xFF]).encoded() },
    .wasm("a type that is not there", rejected) {
      var m = W.command([]); m.functions = [77]; return m.encoded()
    },
    .wasm("a wrong type on the stack", rejected) { W.command(W.const64(1) + [0x45] + W.drop).encoded() },
    .wasm("an export twice", rejected) {
      var m = W.command([]); m.exports.append(("_start", 0, 0)); return m.encoded()
    },
    .wasm("shared memory", refused) {
      var m = W.command([]); m.memory = (2, 1, 2); return m.encoded()
    },
    .wasm("memory of 64 bits", refused) {
      var m = W.command([]); m.memory = (4, 1, nil); return m.encoded()
    },
    .wasm("an unknown import", refused) {
      var m = W.command([])
      m.imports = [.function(module: "env", name: "system", type: 0)]
      m.exports = [("_start", 0, 1), ("memory", 2, 0)]
      return m.encoded()
    },
    .wasm("an unknown call of WASI", refused) {
      var m = W.command([])
      m.imports = [.function(module: "wasi_snapshot_preview1", name: "proc_exec", type: 0)]
      m.exports = [("_start", 0, 1), ("memory", 2, 0)]
      return m.encoded()
    },
    .wasm("an import of another type", refused) {
      var m = W.command([])
      m.imports = [.function(module: "wasi_snapshot_preview1", name: "fd_write", type: 0)]
      m.exports = [("_start", 0, 1), ("memory", 2, 0)]
      return m.encoded()
    },
    .wasm("no start", refused.union(["exit_nonzero"])) {
      var m = W.command([]); m.exports = [("memory", 2, 0)]; return m.encoded()
    },
    .wasm("a start that is no function", refused.union(["exit_nonzero"])) {
      var m = W.command([]); m.exports = [("_start", 2, 0)]; return m.encoded()
    },
    .wasm("a start with parameters", trap) {
      var m = W.command([])
      m.types.append(([W.i32], []))
      m.functions = [m.types.count - 1]
      return m.encoded()
    },
    .wasm("a start with results", trap) {
      var m = W.command(W.const(1))
      m.types.append(([], [W.i32]))
      m.functions = [m.types.count - 1]
      return m.encoded()
    },
    .wasm("data outside of memory", refused) {
      var m = W.command([]); m.data = [(1 << 20, [1])]; return m.encoded()
    },
    .wasm("elements outside of the table", refused) {
      var m = W.command([])
      m.table = (1, nil)
      m.elements = [(100, [0])]
      return m.encoded()
    },
  ]

  static let compileBombs: [HostileCase] = [
    .wasm("many functions", rejected) {
      var m = W.command([])
      m.functions = [Int](repeating: 0, count: 300_000)
      m.bodies = [([(UInt64, UInt8)], [UInt8])](repeating: ([], []), count: 300_000)
      return m.encoded()
    },
    .wasm("one huge function", rejected) {
      W.command([UInt8](repeating: 0x01, count: 100) + (0..<400_000).flatMap { _ in W.const(1) + W.drop }).encoded()
    },
    .wasm("nested blocks", rejected.union(["ok"])) {
      W.command((0..<200_000).flatMap { _ in [0x02, 0x40] as [UInt8] } + [UInt8](repeating: 0x0B, count: 200_000))
        .encoded()
    },
    .wasm("a branch table", rejected.union(["ok"])) {
      let entries = [UInt8](repeating: 0, count: 500_000)
      return W.command([0x02, 0x40] + W.const(0) + [0x0E] + W.number(UInt64(entries.count)) + entries + [0, 0x0B])
        .encoded()
    },
    .wasm("many branch tables", rejected) {
      let one = [0x02, 0x40] + W.const(0) + [0x0E] + W.number(20_000) + [UInt8](repeating: 0, count: 20_001) + [0x0B]
      return W.command((0..<100).flatMap { _ in one }).encoded()
    },
    .wasm("many locals", rejected.union(["ok"])) {
      var m = W.command([]); m.bodies = [([(50_000, W.i64)], [])]; return m.encoded()
    },
    .wasm("locals beyond counting", rejected) {
      var m = W.command([])
      m.bodies = [([(0xFFFF_FFFF, W.i64), (0xFFFF_FFFF, W.i64)], [])]
      return m.encoded()
    },
    .wasm("many globals", rejected.union(["ok"])) {
      var m = W.command([]); m.globals = 100_000; return m.encoded()
    },
    .wasm("many types", rejected.union(["ok"])) {
      var m = W.command([])
      m.types = [([UInt8], [UInt8])](repeating: ([], []), count: 100_000)
      return m.encoded()
    },
    .wasm("a section of padding", rejected) {
      var m = W.command([]); m.customBytes = 5 << 20; return m.encoded()
    },
    .wasm(
      "a start function without end", ["timeout_wall", "timeout_cpu", "compile_rejected", "denied"], RunLimits.brief
    ) {
      var m = W.command(W.forever([]))
      m.start = 0
      return m.encoded()
    },
  ]

  /// Text at 1024, its address and length at 0.
  private static func print(_ text: String) -> [UInt8] {
    W.store(0, 1024) + W.store(4, Int64(text.utf8.count)) + W.const(1) + W.const(0) + W.const(1) + W.const(8)
      + W.call(0)
      + W.drop
  }

  /// Prints when the call of import 1 gives 0, which it must not.
  private static func mustFail(_ name: String, _ arguments: [UInt8]) -> [UInt8] {
    let code = arguments + W.call(1) + [0x45, 0x04, 0x40] + print("ESCAPED") + [0x0B]
    return W.command(imports: ["fd_write", name], data: Array("ESCAPED".utf8), code).encoded()
  }

  static let hostileModules: [HostileCase] = [
    .wasm("loop", ["timeout_wall"], RunLimits.brief) { W.command(W.forever([])).encoded() },
    .wasm("fuel", ["timeout_cpu"], { $0.fuel = 1_000_000 }) { W.command(W.forever([])).encoded() },
    .wasm("unreachable", trap) { W.command([0x00]).encoded() },
    .wasm("division by zero", trap) { W.command(W.const(1) + W.const(0) + [0x6D] + W.drop).encoded() },
    .wasm("reading beyond memory", trap.union(["memory"])) {
      W.command(W.const(-4) + [0x28, 2, 0] + W.drop).encoded()
    },
    .wasm("an empty table", trap) {
      var m = W.command(W.const(0) + [0x11, 0, 0])
      m.table = (1, nil)
      return m.encoded()
    },
    .wasm("recursion", ["stack", "trap"]) { W.command(W.call(0)).encoded() },
    .wasm("growing memory", ["timeout_wall", "timeout_cpu", "memory"], RunLimits.brief) {
      W.command(W.forever(W.const(1) + [0x40, 0] + W.drop)).encoded()
    },
    .wasm("four gibibytes at once", refused) { W.command(pages: 65_536, []).encoded() },
    .wasm("a table of a billion", refused) {
      var m = W.command([]); m.table = (1_000_000_000, nil); return m.encoded()
    },
    .wasm("sleeping for ever", ["timeout_wall", "exit_nonzero", "ok"], RunLimits.brief) {
      // A subscription to the clock at 64, far in the future.
      W.command(
        imports: ["poll_oneoff"],
        W.const(64 + 24) + W.const64(Int64.max) + [0x37, 3, 0] + W.store(64 + 16, 1)
          + W.forever(W.const(64) + W.const(256) + W.const(1) + W.const(512) + W.call(0) + W.drop)
      ).encoded()
    },
    .wasm("a million subscriptions", ["timeout_wall", "exit_nonzero", "ok", "trap", "memory"], RunLimits.brief) {
      W.command(
        imports: ["poll_oneoff"], pages: 900,
        W.forever(W.const(0) + W.const(48_000_000) + W.const(1_000_000) + W.const(8) + W.call(0) + W.drop)
      ).encoded()
    },
    .wasm("yielding for ever", ["timeout_wall"], RunLimits.brief) {
      W.command(imports: ["sched_yield"], W.forever(W.call(0) + W.drop)).encoded()
    },
    .wasm("random bytes for ever", ["timeout_wall", "timeout_cpu"], RunLimits.brief) {
      W.command(imports: ["random_get"], pages: 260, W.forever(W.const(0) + W.const(16 << 20) + W.call(0) + W.drop))
        .encoded()
    },
    .wasm(
      "flood of output", ["output_truncated", "timeout_wall", "exit_nonzero", "trap"], { $0.wallMilliseconds = 1000 }
    ) {
      W.command(imports: ["fd_write"], data: Array("xxxxxxx\n".utf8), W.forever(print("xxxxxxx\n"))).encoded()
    },
    .wasm("output from beyond memory", ["ok", "trap"]) {
      W.command(imports: ["fd_write"], W.const(1) + W.const(-8) + W.const(1000) + W.const(0) + W.call(0) + W.drop)
        .encoded()
    },
    .wasm("output of a gigabyte at once", ["ok", "trap", "output_truncated", "exit_nonzero"]) {
      W.command(
        imports: ["fd_write"], pages: 1000,
        W.store(0, 0) + W.store(4, 65_000_000) + W.const(1) + W.const(0) + W.const(1) + W.const(8) + W.call(0) + W.drop
      ).encoded()
    },
    .wasm("status 0 by a call", ["ok"]) { W.command(imports: ["proc_exit"], W.const(0) + W.call(0)).encoded() },
    .wasm("status 1", ["exit_nonzero"]) { W.command(imports: ["proc_exit"], W.const(1) + W.call(0)).encoded() },
    .wasm("status 255", ["exit_nonzero", "trap"]) {
      W.command(imports: ["proc_exit"], W.const(255) + W.call(0)).encoded()
    },
    .wasm("status -1", ["exit_nonzero", "trap"]) {
      W.command(imports: ["proc_exit"], W.const(-1) + W.call(0)).encoded()
    },
    .wasm("a socket that is none", ["ok", "denied", "trap"]) {
      mustFail("sock_accept", W.const(3) + W.const(0) + W.const(64))
    },
    .wasm("sending", ["ok", "denied", "trap"]) {
      mustFail("sock_send", W.const(3) + W.const(0) + W.const(0) + W.const(0) + W.const(64))
    },
    .wasm("a raised signal", ["ok", "denied", "trap", "exit_nonzero"]) { mustFail("proc_raise", W.const(9)) },
    .wasm("a second folder", ["ok"]) { mustFail("fd_prestat_get", W.const(4) + W.const(64)) },
    .wasm("a path of the host", ["ok"]) {
      var m = W.command(
        imports: ["fd_write", "path_open"], data: Array("/etc/passwd".utf8),
        W.const(3) + W.const(0) + W.const(1024) + W.const(11) + W.const(0) + W.const64(2) + W.const64(0) + W.const(0)
          + W.const(64) + W.call(1) + [0x45, 0x04, 0x40] + W.store(0, 2048) + W.store(4, 7) + W.const(1) + W.const(0)
          + W.const(1) + W.const(8) + W.call(0) + W.drop + [0x0B])
      m.data.append((2048, Array("ESCAPED".utf8)))
      return m.encoded()
    },
    .wasm("a path out of the folder", ["ok"]) {
      var m = W.command(
        imports: ["fd_write", "path_open"], data: Array("../../../../etc/passwd".utf8),
        W.const(3) + W.const(1) + W.const(1024) + W.const(22) + W.const(0) + W.const64(2) + W.const64(0) + W.const(0)
          + W.const(64) + W.call(1) + [0x45, 0x04, 0x40] + W.store(0, 2048) + W.store(4, 7) + W.const(1) + W.const(0)
          + W.const(1) + W.const(8) + W.call(0) + W.drop + [0x0B])
      m.data.append((2048, Array("ESCAPED".utf8)))
      return m.encoded()
    },
    .wasm("a closed folder and closed outputs", ["ok"]) {
      W.command(
        imports: ["fd_close"], (0..<100).flatMap { W.const(Int64($0)) + W.call(0) + W.drop }
      ).encoded()
    },
    .wasm("outputs moved over the folder", ["ok", "trap"]) {
      W.command(imports: ["fd_renumber"], W.const(1) + W.const(3) + W.call(0) + W.drop).encoded()
    },
  ]
}
