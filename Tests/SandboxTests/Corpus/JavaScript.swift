import SandboxProtocol

extension HostileCase {
  private static let time: Set<String> = ["timeout_wall"]
  private static let memory: Set<String> = ["memory", "exit_nonzero", "trap", "timeout_wall"]

  static let javascriptCases: [HostileCase] = [
    .javascript("empty loop", time, RunLimits.brief, "while (true) {}"),
    .javascript("loop that catches", time, RunLimits.brief, "while (true) { try { while (true) {} } catch (e) {} }"),
    .javascript("regular expression", time, RunLimits.brief, "/(a+)+$/.test('a'.repeat(40) + 'b')"),
    .javascript("microtasks without end", time, RunLimits.brief, "const f = () => Promise.resolve().then(f); f()"),
    .javascript("async loop", time, RunLimits.brief, "(async () => { while (true) await null })()"),
    .javascript(
      "generator without end", time, RunLimits.brief, "function* g() { while (true) yield 1 } for (const x of g()) {}"),
    .javascript("large power", ["timeout_wall", "exit_nonzero", "memory"], RunLimits.brief, "9n ** 9n ** 8n"),
    .javascript(
      "toString of the result", ["timeout_wall", "ok"], RunLimits.brief,
      "({ toString() { while (true) {} }, toJSON() { while (true) {} } })"),
    .javascript(
      "proxy as the result", ["timeout_wall", "ok"], RunLimits.brief,
      "new Proxy({}, { get() { while (true) {} }, ownKeys() { while (true) {} } })"),
    .javascript("getter in the result", ["timeout_wall", "ok"], RunLimits.brief, "({ get a() { while (true) {} } })"),
    .javascript(
      "text of an error", ["timeout_wall", "exit_nonzero"], RunLimits.brief,
      "throw { toString() { while (true) {} }, get stack() { while (true) {} }, get message() { while (true) {} } }"),
    .javascript("sort with a hostile order", time, RunLimits.brief, "[1, 2].sort(() => { while (true) {} })"),
    .javascript("fuel", ["timeout_cpu"], { $0.fuel = 500_000_000 }, "while (true) {}"),
    .javascript(
      "waiting", ["exit_nonzero", "timeout_wall", "ok"], RunLimits.brief,
      "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)"),
    .javascript(
      "array", memory, { $0.wallMilliseconds = 5000 }, "const a = []; while (true) a.push(new Array(100000).fill(1))"),
    .javascript("string", memory, { $0.wallMilliseconds = 5000 }, "let s = 'x'; while (true) s += s"),
    .javascript("one large buffer", memory, "new ArrayBuffer(2 ** 40)"),
    .javascript(
      "typed arrays", memory, { $0.wallMilliseconds = 5000 },
      "const a = []; while (true) a.push(new Uint8Array(1 << 20))"),
    .javascript(
      "map", memory, { $0.wallMilliseconds = 5000 },
      "const m = new Map(); let i = 0; while (true) m.set(i++, 'x'.repeat(100))"),
    .javascript("recursion", ["stack", "exit_nonzero", "trap"], "function f() { f() } f()"),
    .javascript(
      "recursion that catches", ["stack", "exit_nonzero", "trap", "timeout_wall", "ok"], RunLimits.brief,
      "function f() { try { f() } catch (e) { f() } } f()"),
    .javascript("nested parentheses", ["stack", "exit_nonzero", "trap", "memory"], "eval('('.repeat(1000000))"),
    .javascript("deep JSON", ["stack", "exit_nonzero", "trap", "memory"], "JSON.parse('['.repeat(1000000))"),
    .javascript(
      "recursion of a getter", ["stack", "exit_nonzero", "trap"], "const o = { get a() { return this.a } }; o.a"),
    .javascript("cyclic result", ["ok", "exit_nonzero"], "const a = []; a.push(a); a"),
    .javascript("flood of output", ["output_truncated", "exit_nonzero"], "while (true) console.log('x'.repeat(1000))"),
    .javascript("a large result", ["ok", "exit_nonzero", "output_truncated", "memory"], "'x'.repeat(5000000)"),
    .javascript(
      "modules of the host", has: [contained],
      "for (const name of ['std', 'os', 'scriptArgs', 'require', 'process', 'Deno', 'bjson', 'Worker']) console.log(typeof globalThis[name] === 'undefined' ? 'contained' : 'ESCAPED ' + name)"
    ),
    .javascript(
      "dynamic imports", ["ok", "exit_nonzero"], has: [],
      "import('os').then(m => console.log('ESCAPED', Object.keys(m)), e => console.log('contained'))"),
    .javascript(
      "import of a file", ["ok", "exit_nonzero"],
      "import('/etc/passwd').then(() => console.log('ESCAPED'), () => console.log('contained'))"),
    .javascript("static imports", ["ok", "exit_nonzero"], "import * as os from 'os'; console.log('ESCAPED', os)"),
    .javascript(
      "polluted prototypes", ["ok", "exit_nonzero"],
      "Object.prototype.toJSON = () => 'x'; Array.prototype.push = () => { throw 1 }; JSON.stringify = () => { while (true) {} }; globalThis.console = null; 1"
    ),
    .javascript("functions from text", has: ["3"], "console.log(new Function('return 1 + 2')())"),
    .javascript("odd throws", ["exit_nonzero"], "throw null"),
    .javascript("no source", ["ok"], ""),
    .javascript("source that is no JavaScript", ["exit_nonzero"], "}{"),
    .javascript(
      "escapes of terminals", has: ["after"], "console.log('\\u001b[2J\\u0000\\u202e'); console.log('after')"),
  ]
}
