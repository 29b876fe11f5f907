import Testing

@testable import Policy

/// What `not` encloses: as in OPA, the call alone, and by `import future.keywords.not` all that the call is given.
@Suite("Rego negation")
struct NegationTests {
  @Test(arguments: [
    // What a call is given has to have a value.
    ("p if not startswith(input.path, \"/\")", nil), ("p if not startswith(input.there, \"x\")", "true"),
    ("p if not input.path != \"x\"", nil), ("p if not input.n > 3", nil),
    ("p if not input.role in [\"a\"]", nil), ("p if not input.there in [\"a\"]", "true"),
    ("f(x) if x == 1\np if not f(input.missing)", nil), ("f(x) if x == 1\np if not f(2)", "true"),
    ("f(x) if x == 1\np if not f(input)", "true"), ("p if not startswith(lower(input.path), \"/\")", nil),
    ("p if not count([input.missing]) == 0", nil), ("p if not count({\"a\": input.missing}) == 0", nil),
    ("p if not input.x + input.y == input.z", nil), ("q := {}\np if not q[input.missing]", nil),
    ("f(_) := {\"a\": 1} if false\np if not f(1).a", nil),
    // References that stand alone or are compared by `==` are looked up inside.
    ("p if not input.missing", "true"), ("p if not input.missing == \"x\"", "true"),
    ("p if not input.missing = \"x\"", "true"), ("p if not input.there == \"there\"", nil),
    ("p if not [input.missing] == [1]", nil), ("q := {}\np if not q.missing", "true"),
    // A comprehension always has a value.
    ("p if not count([1 | input.missing]) == 1", "true"), ("p if not [1 | input.missing] == [1]", "true"),
    // What iterates outside of `not` holds for one of its values.
    ("p contains x if { x := input.list[_]; not startswith(x, \"a\") }", #"["b"]"#),
    ("p if not startswith(input.list[_], \"a\")", "true"),
    ("p if not every x in input.list { startswith(x, \"a\") }", "true"),
    // Replacements hold for what stands outside too.
    ("p if not startswith(input.path, \"/\") with input as {\"path\": \"x\"}", "true"),
    ("p if not startswith(input.path, \"/\") with input as {\"path\": \"/x\"}", nil),
    // What is needed may come later.
    ("p if { not startswith(x.y, \"/\"); x = {\"y\": \"a\"} }", "true"),
    ("p if { not startswith(x, \"/\"); x = \"/a\" }", nil),
  ])
  func holds(_ rules: String, _ wanted: String?) throws {
    let input = #"{"there": "there", "list": ["a", "b"], "z": 3}"#
    #expect(try Rego.value(rules, input: input) == wanted)
  }

  @Test(arguments: [
    ("p if not startswith(input.path, \"/\")", "true"), ("p if not input.role in [\"a\"]", "true"),
    ("p if not input.x + input.y == input.z", "true"), ("p if not startswith(input.there, \"t\")", nil),
    ("q := {}\np if not q[input.missing]", "true"),
  ])
  func holdsByImport(_ rules: String, _ wanted: String?) throws {
    for keyword in ["future.keywords.not", "future.keywords"] {
      #expect(try Rego.value("import \(keyword)\n\(rules)", input: #"{"there": "there"}"#) == wanted)
    }
    #expect(try Rego.value("import future.keywords.in\n\(rules)", input: #"{"there": "there"}"#) == nil)
  }

  @Test(arguments: [
    ("import future.keywords.not\np if not { false }\n", 3, 10), ("import future.keywords.or\np := 1\n", 2, 8),
    ("import future.keywords.not.more\np := 1\n", 2, 8),
  ])
  func isRefused(_ rules: String, _ line: Int, _ column: Int) {
    let error = #expect(throws: PolicyError.self) { _ = try Rego.value(rules) }
    #expect(error?.place == PolicyPlace(line: line, column: column))
  }
}
