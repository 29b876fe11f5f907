import Testing

@testable import Policy

/// Functions of hashes, tokens, schemas and patterns, by example.
@Suite("Rego functions")
struct BuiltInTests {
  /// `{"alg":"HS256"}.{"sub":"a"}`, and its signature with `key`, by the module hmac of Python.
  private static let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0"
  private static let signature = "s1mC5JEn7aIunB7VBvqDeWc4TqMwJKsf21AHPIaXGjQ"

  @Test(arguments: [
    // RFC 1321, RFC 3174, RFC 2202 and RFC 4231.
    ("crypto.md5(\"abc\")", "900150983cd24fb0d6963f7d28e17f72"),
    ("crypto.sha1(\"abc\")", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("crypto.sha256(\"abc\")", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("crypto.sha256(\"\")", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("crypto.hmac.md5(\"what do ya want for nothing?\", \"Jefe\")", "750c783e6ab0b503eaa86e310a5db738"),
    ("crypto.hmac.sha1(\"what do ya want for nothing?\", \"Jefe\")", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
    (
      "crypto.hmac.sha256(\"what do ya want for nothing?\", \"Jefe\")",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      "crypto.hmac.sha512(\"what do ya want for nothing?\", \"Jefe\")",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    ),
  ])
  func hashes(_ call: String, _ wanted: String) throws {
    #expect(try Rego.value("p := \(call)", isStrict: true) == "\"\(wanted)\"")
  }

  @Test func `tokens are decoded and verified by shared secrets`() throws {
    let rules = """
      signed := concat(".", ["\(BuiltInTests.token)", base64url.encode_no_pad("x")])
      p := [io.jwt.decode(signed)[1].sub, io.jwt.decode(signed)[2]]
      """
    #expect(try Rego.value(rules, isStrict: true) == #"["a","78"]"#)
    let verified = """
      t := input.token
      p := [io.jwt.verify_hs256(t, "key"), io.jwt.verify_hs256(t, "kez"), io.jwt.verify_hs384(t, "key")]
      """
    let input = #"{"token": "\#(BuiltInTests.token).\#(BuiltInTests.signature)"}"#
    #expect(try Rego.value(verified, input: input, isStrict: true) == "[true,false,false]")
  }

  @Test(arguments: [
    "", "a", "a.b", "a.b.c.d", "e30.e30", "!.e30.e30", "e30.!.e30", "e30.e30.!", "W10.e30.e30", "e30.W10.e30",
    "MQ.MQ.MQ",
  ])
  func `what is no token is an error`(_ token: String) throws {
    #expect(try Rego.error("p := io.jwt.decode(\"\(token)\")")?.code == .builtIn)
  }

  @Test(arguments: [
    (#"{"type": "object", "required": ["a", "b"]}"#, #"{"a": 1}"#, "required", "(root)", "b is required"),
    (
      #"{"properties": {"a": {"type": ["string", "null"]}}}"#, #"{"a": 1.5}"#, "invalid_type", "a",
      "Invalid type. Expected: [string,null], given: number"
    ),
    (
      #"{"properties": {"a": {"items": {"minimum": 3}}}}"#, #"{"a": [5, 1]}"#, "number_gte", "a.1",
      "Must be greater than or equal to 3"
    ),
    (
      #"{"additionalProperties": false}"#, #"{"x": 1}"#, "additional_property_not_allowed", "(root)",
      "Additional property x is not allowed"
    ),
    (#"{"properties": {"a/b": {"pattern": "^x"}}}"#, #"{"a/b": "y"}"#, "pattern", "a/b", "Does not match pattern '^x'"),
    (#"{"maxItems": 1}"#, #"[1, 2]"#, "array_max_items", "(root)", "Array must have at most 1 items"),
  ])
  func `faults of documents have the form of OPA`(
    _ schema: String, _ document: String, _ type: String, _ field: String, _ text: String
  ) throws {
    let wanted = #"[false,[{"desc":"\#(text)","error":"\#(field): \#(text)","field":"\#(field)","type":"\#(type)"}]]"#
    #expect(try Rego.value("p := json.match_schema(\(document), \(schema))", isStrict: true) == wanted)
    #expect(try Rego.value("p := json.match_schema(`\(document)`, `\(schema)`)", isStrict: true) == wanted)
    #expect(try Rego.value("p := json.verify_schema(\(schema))", isStrict: true) == "[true,null]")
  }

  @Test func `other schemas are refused`() throws {
    for schema in ["{\"$ref\": \"http://example.com/a\"}", "{\"minimum\": \"a\"}", "{\"pattern\": \"(\"}"] {
      #expect(try Rego.error("p := json.match_schema({}, \(schema))")?.code == .builtIn)
      #expect(try Rego.value("p if json.verify_schema(\(schema))[0] == false") == "true")
    }
    #expect(try Rego.error("p := json.match_schema(1, {})")?.code == .builtIn)
    #expect(try Rego.value("p := json.match_schema(\"{\", {})") == nil)
  }

  @Test(arguments: [
    ("a.a.[0-9]+z", ".b.b2359825792*594823z", true), ("[a-z]+", "[0-9]*", false), ("b.*", "bar", true),
    ("a*", "b*", false), ("a*b*", "b+", true), ("", "", false), ("a*", "", false), ("[a-cx]", "[d-w]", false),
    ("[a-cx-z]", "[d-y]", true), ("\\\\.", "a", false), ("\\\\.", ".", true), ("[\\\\]]", "]", false),
    ("[\\\\]]", "\\\\]", true), ("a+a+a+", "aa", false), ("a+a+", "aa", true), ("[a-]", "-", true),
  ])
  func `patterns have a text in common`(_ left: String, _ right: String, _ wanted: Bool) throws {
    let error = try Rego.error("p := regex.globs_match(\"\(left)\", \"\(right)\")")
    guard right != "]" else {
      #expect(error?.code == .builtIn)
      return
    }
    for (one, other) in [(left, right), (right, left)] {
      #expect(
        try Rego.value("p := regex.globs_match(\"\(one)\", \"\(other)\")", isStrict: true)
          == (wanted ? "true" : "false"))
    }
  }

  @Test(arguments: [
    ("*", "", true), ("a*", "a", true), ("a*b*c", "aXbXbXc", true), ("a*b*c", "aXbXbX", false), ("*ab", "aab", true),
    ("*a?", "aab", true), ("*a?", "aa", true), ("*a?", "ba", false), ("**", "x/y", true), ("[a-c]*[!x]", "bx", false),
    ("[a-c]*[!x]", "bxy", true), ("", "", true), ("", "a", false), ("a", "", false), ("***b", "aab", true),
    ("*{a,b}*c", "xbyc", true),
  ])
  func `globs without delimiters fit`(_ pattern: String, _ text: String, _ wanted: Bool) throws {
    let rules = "p := [glob.match(\"\(pattern)\", null, \"\(text)\"), glob.match(\"\(pattern)\", [\";\"], \"\(text)\")]"
    #expect(try Rego.value(rules, isStrict: true) == (wanted ? "[true,true]" : "[false,false]"))
  }

  @Test(arguments: ["*", "+a", "a**", "a+*", "[", "[]", "[b-a]", "a\\\\", "[a", "[a\\\\"])
  func `what is no pattern is an error`(_ pattern: String) throws {
    #expect(try Rego.error("p := regex.globs_match(\"\(pattern)\", \"a\")")?.code == .builtIn)
  }

  @Test(arguments: [
    ("regex.match(`^(a|ab)(c|bcd)$`, \"abcd\")", "true"), ("regex.match(`(^a|b)c`, \"abc\")", "true"),
    ("regex.find_n(`^a`, \"aaa\", -1)", #"["a"]"#), ("regex.find_n(`(?m)^a`, \"a\\na\", -1)", #"["a","a"]"#),
    ("regex.find_all_string_submatch_n(`(a*)(a|b)`, \"aab\", -1)", #"[["aab","aa","b"]]"#),
    ("regex.find_n(`a*?b|c`, \"aabc\", -1)", #"["aab","c"]"#), ("regex.split(`,+`, \"a,,b\")", #"["a","b"]"#),
  ])
  func `expressions find the first way that fits`(_ call: String, _ wanted: String) throws {
    #expect(try Rego.value("p := \(call)", isStrict: true) == wanted)
  }

  @Test func `what looks random is the same throughout a question, and another one later`() throws {
    let rules = """
      p := {"ids": {uuid.rfc4122("k") | numbers.range(1, 9)[_]}, "others": uuid.rfc4122("l"),
        "numbers": {rand.intn("k", 1000000) | numbers.range(1, 9)[_]}, "none": rand.intn("k", 0),
        "in": [n | some k in numbers.range(1, 50); n := rand.intn(sprintf("%d", [k]), -7); n >= 0; n < 7],
        "version": uuid.parse(uuid.rfc4122("k")).version}
      """
    let one = try #require(try Rego.value(rules, isStrict: true))
    #expect(try Rego.value(rules, isStrict: true) == one)
    #expect(try Rego.value(rules, isStrict: true, now: 1) != one)
    let counts = "\(rules)\nq := p\n".replacing("p := {", with: "q := {").replacing("\nq := p\n", with: "")
    #expect(
      try Rego.value("\(counts)\np := [count(q.ids), count(q.numbers), q.none, count(q[\"in\"]), q.version]")
        == "[1,1,0,50,4]")
    let program = try PolicyProgram([("a.rego", Array("package test\np := uuid.rfc4122(\"k\")\n".utf8))])
    #expect(!program.traits(at: ["test", "p"]).isDeterministic)
  }

  @Test(arguments: [
    ("indexof_n(\"aaaa\", \"aa\")", "[0,1,2]"), ("indexof(\"abcabd\", \"abd\")", "3"),
    ("indexof(\"abc\", \"d\")", "-1"),
    ("split(\"a--b--\", \"--\")", #"["a","b",""]"#), ("strings.count(\"aaaa\", \"aa\")", "2"),
    ("contains(\"abababac\", \"ababac\")", "true"), ("replace(\"aaa\", \"aa\", \"b\")", "\"ba\""),
    ("indexof_n(\"äöäö\", \"äö\")", "[0,2]"), ("trace(\"x\")", "true"),
  ])
  func searches(_ call: String, _ wanted: String) throws {
    #expect(try Rego.value("p := \(call)", isStrict: true) == wanted)
  }
}
