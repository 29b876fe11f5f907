import JSON
import Testing

@testable import Policy

/// The language, by example: what a query says about small modules.
@Suite("Rego")
struct PolicyTests {
  private func value(
    _ modules: String..., path: String = "test.p", input: String? = nil, data: String = "{}",
    limits: EvaluationLimits = EvaluationLimits()
  ) throws -> String? {
    let program = try PolicyProgram(modules.enumerated().map { ("\($0.offset).rego", Array($0.element.utf8)) })
    return try program.document(
      at: path.split(separator: ".").map(String.init),
      input: try input.map { RegoValue(try JSONDocument(parsing: $0).root) },
      data: RegoValue(try JSONDocument(parsing: data).root), now: 1_700_000_000_000_000_000, limits: limits)?.json
  }

  private func fault(_ module: String) -> PolicyError? {
    do throws(PolicyError) {
      _ = try PolicyProgram([("a.rego", Array(module.utf8))])
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    ("p := 1 + 2 * 3", "7"), ("p := (1 + 2) * 3", "9"), ("p := 7 % 4", "3"), ("p := 1 / 4", "0.25"),
    ("p if 1 < 2", "true"), ("p := {1, 2} | {2, 3}", "[1,2,3]"), ("p := {1, 2} & {2, 3}", "[2]"),
    ("p := {1, 2} - {2}", "[1]"), ("p := \"a\" in {\"a\", \"b\"}", "true"),
    ("p := [x | some x in [3, 1, 2]; x > 1]", "[3,2]"),
    ("p := {x: y | some x, y in [\"a\", \"b\"]}", #"{"0":"a","1":"b"}"#),
    ("p contains x if some x in [2, 1, 2]", "[1,2]"), ("p[k] := v if some k, v in {\"a\": 1}", #"{"a":1}"#),
    ("p.q.r := 1", #"{"q":{"r":1}}"#), ("f(x) := x * 2\np := f(21)", "42"),
    ("f(0) := \"zero\"\nf(x) := \"more\" if x > 0\np := [f(0), f(3)]", #"["zero","more"]"#),
    ("default p := \"no\"\np := \"yes\" if input.x", #""no""#),
    ("p := 1 if { false } else := 2 if { true } else := 3", "2"),
    ("p if every x in [1, 2] { x > 0 }", "true"), ("p if not input.missing", "true"),
    ("p := x if { x = y + 1; y = 2 }", "3"), ("p := {\"a\": x, \"b\": y} if { [x, y] := [1, 2] }", #"{"a":1,"b":2}"#),
    ("p := $\"{1 + 1} of {input.n}\"", #""2 of <undefined>""#),
    ("p := 28857836529306024611913 - 1", "28857836529306024611912"),
    ("p := x if x := count(input.list) with input.list as [1, 2, 3]", "3"),
    ("p := x if x := time.now_ns() with time.now_ns as 7", "7"),
    ("p := sprintf(\"%05.1f|%-4s|%x\", [3.14159, \"ab\", 255])", #""003.1|ab  |ff""#),
    ("p := regex.replace(\"2026-11-26\", `(\\d+)-(\\d+)-(\\d+)`, \"$3.$2.$1\")", #""26.11.2026""#),
    ("p := glob.match(\"*.example.com\", [\".\"], \"api.example.com\")", "true"),
    ("p := net.cidr_contains(\"10.0.0.0/8\", \"10.20.0.0/16\")", "true"),
    ("p := units.parse_bytes(\"1.5KiB\")", "1536"), ("p := semver.compare(\"1.2.3-rc.1\", \"1.2.3\")", "-1"),
    ("p := json.patch({\"a\": [1]}, [{\"op\": \"add\", \"path\": \"a/-\", \"value\": 2}])", #"{"a":[1,2]}"#),
    ("p := object.get({\"a\": {\"b\": 1}}, [\"a\", \"b\"], 0)", "1"),
  ])
  func says(_ rules: String, _ wanted: String) throws {
    #expect(try value("package test\n\(rules)\n") == wanted)
  }

  @Test func `undefined is no value`() throws {
    #expect(try value("package test\np if input.x == 1\n") == nil)
    #expect(try value("package test\np := input.x\n", input: "{}") == nil)
    #expect(try value("package test\np := 1 / 0\n") == nil)
  }

  @Test func `rules see documents and other packages`() throws {
    let module = "package test\nimport data.roles.admins\np if input.user in admins\n"
    let fixed = "package roles\nadmins contains name if {\n  some name, role in data.people\n  role == \"admin\"\n}\n"
    #expect(try value(module, fixed, input: #"{"user":"ann"}"#, data: #"{"people":{"ann":"admin"}}"#) == "true")
    #expect(try value(module, fixed, input: #"{"user":"bob"}"#, data: #"{"people":{"ann":"admin"}}"#) == nil)
  }

  @Test func `two values of one rule are a conflict`() {
    let error = #expect(throws: EvaluationError.self) {
      _ = try value("package test\np := x if some x in [1, 2]\n")
    }
    #expect(error?.code == .conflict)
  }

  @Test(arguments: [
    ("package test\np := x\n", PolicyError.Code.unsafe), ("package test\np if { not q[x] }\nq := [1]\n", .unsafe),
    ("package test\np := q\nq := p\n", .recursion), ("package test\np := nothing(1)\n", .type),
    ("package test\np := count(1, 2, 3)\n", .type), ("package test\np := http.send({})\n", .type),
    ("package test\np := 1\np(x) := 2\n", .type), ("package test\np := {\n", .syntax),
    ("package test\np[x] = \n", .syntax),
    ("p := 1\n", .syntax), ("package test\np := \"a\n", .syntax), ("package test\ndefault p\n", .syntax),
  ])
  func isRefused(_ module: String, _ code: PolicyError.Code) {
    #expect(fault(module)?.code == code, "\(String(describing: fault(module)))")
  }

  @Test func `faults name their place`() {
    let error = fault("package test\n\np := 1\nq := nothing(1)\n")
    #expect(error?.place.line == 4 && error?.file == "a.rego")
  }

  @Test func `terms that stand too deep in each other are refused`() {
    let deep = String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)
    #expect(fault("package test\np := \(deep)\n")?.code == .limit)
  }

  @Test(arguments: [
    // The product of ten lists.
    "p contains [a, b, c, d, e, f] if {\n  l := numbers.range(1, 60)\n  a := l[_]\n  b := l[_]\n  c := l[_]\n  d := l[_]\n  e := l[_]\n  f := l[_]\n}",
    "p := count(numbers.range(1, 1000000000))", "p := numbers.range(1, 99999999999999999999999)",
    "p := [x | some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); x := a + b]",
  ])
  func `what takes too much ends`(_ rules: String) {
    let error = #expect(throws: EvaluationError.self) { _ = try value("package test\n\(rules)\n") }
    #expect(error?.code == .limit)
  }

  @Test func `what stands deep in itself ends before the stack does`() async throws {
    let loops = (0..<40).map { "  some x\($0) in [1]\n" }.joined()
    let chain = (0..<100).map { "f\($0)(x) := y if {\n\(loops)  y := f\($0 + 1)(x)\n}\n" }.joined()
    let program = try PolicyProgram([("a.rego", Array("package test\n\(chain)f100(x) := x\np := f0(1)\n".utf8))])
    // On a thread with a small stack.
    let error = await Task.detached { () -> EvaluationError? in
      do throws(EvaluationError) {
        _ = try program.document(at: ["test", "p"], input: nil, now: 0)
        return nil
      } catch { return error }
    }.value
    #expect(error?.code == .limit)
  }

  @Test func `an expression never takes exponential time`() throws {
    let text = String(repeating: "a", count: 5000)
    #expect(try value("package test\np := regex.match(`^(a+)+$`, \"\(text)b\")\n") == "false")
  }

  @Test func `somebody who does not wait any more ends the evaluation`() throws {
    let module = "package test\np := [1 | some a in numbers.range(1, 100000)]\n"
    let program = try PolicyProgram([("a.rego", Array(module.utf8))])
    let error = #expect(throws: EvaluationError.self) {
      _ = try program.document(at: ["test", "p"], input: nil, now: 0) { false }
    }
    #expect(error?.code == .cancelled)
  }
}
