import Testing

@testable import Policy

/// What a hostile document can ask of a function ends within the bounds of the question.
@Suite("Bounds of Rego functions")
struct BuiltInBoundsTests {
  private static let limits: EvaluationLimits = {
    var limits = EvaluationLimits()
    limits.stepsMax = 100_000
    limits.textBytesMax = 1 << 20
    return limits
  }()

  /// A text of a million letters, made in the question.
  private static let long = """
    long(part, n) := concat("", [part | some _ in numbers.range(1, n)])
    a := long("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 5000)
    half := long("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 5000)

    """

  @Test(arguments: [
    // The product of both lengths would be 10^11.
    "p := contains(a, concat(\"\", [half, \"b\"]))", "p := indexof(a, concat(\"\", [half, \"b\"]))",
    "p := strings.count(a, concat(\"\", [half, \"b\"]))", "p := count(split(a, concat(\"\", [half, \"b\"])))",
    "p := replace(a, concat(\"\", [half, \"b\"]), \"\")", "p := time.parse_ns(a, a)", "p := time.parse_ns(\"2006\", a)",
    "p := time.format([0, \"UTC\", a])", "p := time.clock([0, a])", "p := regex.globs_match(a, half)",
    "p := io.jwt.decode(a)", "p := io.jwt.decode(concat(\".\", [a, a, a]))", "p := json.match_schema(a, a)",
    "p := json.verify_schema(a)", "p := crypto.hmac.sha512(a, half)", "p := uuid.rfc4122(a)", "p := rand.intn(a, 5)",
    "p := io.jwt.verify_hs512(concat(\".\", [\"e30\", a, a]), half)",
    "p := json.match_schema({\"a\": a}, {\"properties\": {\"a\": {\"pattern\": \"^(a+)+$\"}}})",
  ])
  func `huge arguments end`(_ rules: String) throws {
    _ = try? Rego.value(BuiltInBoundsTests.long + rules, limits: BuiltInBoundsTests.limits)
  }

  @Test func `patterns cost as much as their product`() throws {
    let long = String(repeating: "[a-bd-eg-hj-k]*", count: 900)
    var limits = EvaluationLimits()
    limits.stepsMax = 50_000
    let error = try Rego.error("p := regex.globs_match(\"\(long)\", \"\(long)z\")", limits: limits)
    #expect(error?.code == .limit)
    #expect(
      try Rego.error("p := regex.globs_match(\"\(String(repeating: "a", count: 1001))\", \"a\")")?.code == .builtIn)
  }

  @Test func `an expression costs steps`() throws {
    var limits = EvaluationLimits()
    limits.stepsMax = 20_000
    let text = String(repeating: "a", count: 5000)
    // One is cheap enough, many are not; and neither is one with many ways.
    #expect(try Rego.value("p := regex.match(`^b`, \"\(text)\")", limits: limits) == "false")
    let many = "p := [m | some x in numbers.range(1, 100); m := regex.match(`(a+)+$`, \"\(text)\")]"
    #expect(try Rego.error(many, limits: limits)?.code == .limit)
    let wide = "p := regex.match(`^(a?){900}b`, \"\(text)\")"
    #expect(try Rego.error(wide, limits: limits)?.code == .limit)
  }

  @Test func `a schema costs steps`() throws {
    var limits = EvaluationLimits()
    limits.stepsMax = 20_000
    // It applies itself twice at each level: 2^40 times.
    let twice = { (name: String) in ##"{"allOf": [{"$ref": "#/$defs/\##(name)"}, {"$ref": "#/$defs/\##(name)"}]}"## }
    let doubling =
      ##"{"$defs": {"a": \##(twice("b")), "b": {"properties": {"x": \##(twice("a"))}}}, "$ref": "#/$defs/a"}"##
    var document = "1"
    for _ in 0..<40 { document = #"{"x": \#(document)}"# }
    #expect(try Rego.error("p := json.match_schema(\(document), \(doubling))", limits: limits)?.code == .limit)
    // And so do many that are small: some thousand steps each.
    limits.stepsMax = 100_000
    let all = [String](repeating: "{\"type\": \"integer\"}", count: 8).joined(separator: ",")
    let many =
      "p := [s | some x in numbers.range(1, 100); s := json.match_schema(input.list, {\"items\": {\"allOf\": [\(all)]}})]"
    let list = "[\((0..<300).map { _ in "1" }.joined(separator: ","))]"
    #expect(try Rego.error(many, input: "{\"list\": \(list)}", limits: limits)?.code == .limit)
  }

  @Test func `a schema has bounds of depth and size`() throws {
    var deep = #"{"type": "integer"}"#
    for _ in 0..<100 { deep = #"{"not": \#(deep)}"# }
    #expect(try Rego.error("p := json.match_schema({}, `\(deep)`)")?.code == .builtIn)
    let endless = ##"{"$ref": "#"}"##
    #expect(try Rego.error("p := json.match_schema({}, \(endless))")?.code == .limit)
    let large = #"{"description": "\#(String(repeating: "x", count: 300_000))"}"#
    #expect(
      try Rego.error("p := json.match_schema({}, input.schema)", input: #"{"schema": \#(large)}"#)?.code == .limit)
  }

  @Test func `tokens stand in each other a few times only`() throws {
    let rules = """
      wrap(t) := concat(".", [base64url.encode_no_pad("{\\"cty\\": \\"JWT\\"}"), base64url.encode_no_pad(t), "eA"])
      inner := concat(".", ["e30", "e30", "eA"])
      four := wrap(wrap(wrap(wrap(inner))))
      eight := wrap(wrap(wrap(wrap(four))))

      """
    #expect(try Rego.value(rules + "p := io.jwt.decode(four)[2]", isStrict: true) == "\"78\"")
    #expect(try Rego.error(rules + "p := io.jwt.decode(eight)")?.code == .builtIn)
  }
}
