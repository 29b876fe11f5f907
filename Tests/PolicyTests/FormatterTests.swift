import Testing

@testable import Policy

/// The canonical form of modules: what it looks like, that it is stable, and that it means the same.
@Suite("Policy formatter")
struct FormatterTests {
  private func format(_ text: String) throws -> String {
    String(decoding: try PolicyFormatter.format(Array(text.utf8), file: "a.rego"), as: UTF8.self)
  }

  /// The tree without places.
  static func shape(_ value: Any) -> String {
    let mirror = Mirror(reflecting: value)
    if value is PolicyPlace { return "" }
    if mirror.children.isEmpty { return "\(value)" }
    return "(\(type(of: value)) "
      + mirror.children.map { "\($0.label ?? ""):\(shape($0.value))" }.joined(separator: " ")
      + ")"
  }

  static let untidy = """
    # Says who.
    package   a.b   # the package
    import data.x.y
    import  rego.v1
    default allow:=false


    # Why.
    allow   if{
      # first

      input.a==1;input.b[0]   !=  -1
          some x,y in {"a":[1,2],"b":{3}}   # all
        not f( x )  with   input.z as   5

      every k , v in input.m{ k>v }
      contains(x,"y")
      z := [ q|q:=input.c[_];q - 1 > -2 ]

    }

    f(x):= y if { y=x+1 } else := 2 if {
    false
    } else:=3
    s contains e if some e in {
    1,
         2,
    }
    long := concat(",", [
    sprintf("%d", [1]),
        "b"]) if
    true

    t := $"a {  input.b  } c"
    r := `raw
       text  `


    """

  @Test func `white space has one form`() throws {
    #expect(
      try format(FormatterTests.untidy) == """
        # Says who.
        package a.b # the package

        import data.x.y
        import rego.v1

        default allow := false

        # Why.
        allow if {
        \t# first

        \tinput.a == 1; input.b[0] != -1
        \tsome x, y in {"a": [1, 2], "b": {3}} # all
        \tnot f(x) with input.z as 5

        \tevery k, v in input.m { k > v }
        \tcontains(x, "y")
        \tz := [q | q := input.c[_]; q - 1 > -2]
        }

        f(x) := y if { y = x + 1 } else := 2 if {
        \tfalse
        } else := 3
        s contains e if some e in {
        \t1,
        \t2,
        }
        long := concat(",", [
        \tsprintf("%d", [1]),
        \t"b"]) if
        \ttrue

        t := $"a {  input.b  } c"
        r := `raw
           text  `

        """)
  }

  @Test func `formatted modules stay as they are and mean the same`() throws {
    for module in modules() {
      let once = try format(module)
      #expect(try format(once) == once)
      let before = FormatterTests.shape(try Parser.module(Array(module.utf8), file: "a.rego"))
      let after = FormatterTests.shape(try Parser.module(Array(once.utf8), file: "a.rego"))
      #expect(before == after)
      #expect(comments(module) == comments(once))
    }
  }

  private func comments(_ text: String) -> Int { text.split(separator: "#", omittingEmptySubsequences: false).count }

  /// Modules of random tokens, kept when they can be read, and hand-written ones.
  private func modules() -> [String] {
    var made = [FormatterTests.untidy]
    var state: UInt64 = 42
    func random(_ count: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % count
    }
    let space = ["", " ", "  ", "\n", "\n\n\n", " # why \n", "\t"]
    func blank() -> String { space[random(space.count)] }
    func term(_ depth: Int) -> String {
      let leaves = ["input.x", "1", "-2", "\"a\"", "`b`", "x[_]", "data.a[\"b\"].c", "f(1)", "true", "_", "set()"]
      guard depth > 0 else { return leaves[random(leaves.count)] }
      let (a, b) = (term(depth - 1), term(depth - 1))
      switch random(9) {
      case 0: return "[\(blank())\(a)\(blank()),\(blank())\(b)\(blank())]"
      case 1: return "{\(blank())\(a)\(blank()):\(blank())\(b)\(blank())}"
      case 2: return "{\(blank())\(a),\(b)\(blank())}"
      case 3: return "\(a) \(["+", "-", "*", "==", "|", "&", "%"][random(7)])\(blank())\(b)"
      case 4: return "f(\(blank())\(a)\(blank()),\(b))"
      case 5: return "[\(blank())\(a)\(blank())|\(blank())\(b)\(blank())]"
      case 6: return "(\(a))"
      case 7: return "{\(a):\(b)|\(blank())\(a);\(b)}"
      default: return a
      }
    }
    func statement() -> String {
      let (a, b) = (term(2), term(2))
      return [
        "\(a)", "x := \(a)", "not \(a)", "some y in \(a)", "every z in \(a){\(blank())\(b)\(blank())}",
        "\(a) with input.q as \(b)", "\(a) = \(b)", "some i,j in \(b)",
      ][random(8)]
    }
    for _ in 0..<400 {
      let body = (0..<(1 + random(3))).map { _ in statement() }.joined(
        separator: ["\n", ";", "\n\n\n # c\n"][random(3)])
      let rule = [
        "p if {\(blank())\(body)\(blank())}", "q contains \(term(1)) if {\(body)}", "r := \(term(2))",
        "g(x) := \(term(1)) if {\(body)\n} else := \(term(1)) if{\(body)}", "default s := 1",
      ][random(5)]
      let module = "package a\(["\n", ".b\n\n\n", " # p\n"][random(3)])\(["", "import data.z\n"][random(2)])\(rule)\n"
      if (try? Parser.module(Array(module.utf8), file: "a.rego")) != nil { made.append(module) }
    }
    #expect(made.count > 100)
    return made
  }

  @Test func `statements of a comprehension stand one level in, those of others as they are`() throws {
    let module = """
      package a

      list := [x |
      \tsome x in input.z
      \ty := x |
      \t\tinput.others

      \t# why
      \tx > count(y)
      ]

      object := {x: y |
      \tsome x, y in input.z
      \tx != "a"
      }

      nested if {
      \tcount({x |
      \t\tsome x in input.z
      \t\tcount([y | some y in x]) > 1
      \t}) > 2
      \tunion := input.a |
      \t\tinput.b
      \tinput.list[count(
      \t\tunion |
      \t\t\tinput.c,
      \t)]
      }

      """
    #expect(try format(module) == module)
  }

  @Test func `what cannot be read is not formatted`() {
    #expect(throws: PolicyError.self) { try format("package a\np if {") }
  }
}
