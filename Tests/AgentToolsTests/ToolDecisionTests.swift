import AgentTools
import Contracts
import JSON
import Testing

@Suite struct ToolDecisionTests {
  private static func tool(
    _ name: String, _ risk: ToolRisk = .read, isIdempotent: Bool = true, isVolatile: Bool = false,
    source: ToolSource = .builtIn
  ) -> ToolDefinition {
    ToolDefinition(
      name: name, description: "", parameters: Array("{}".utf8), risk: risk, isIdempotent: isIdempotent,
      isVolatile: isVolatile, source: source)
  }

  private static func document(_ text: String) throws -> JSONDocument { try JSONDocument(parsing: text) }

  // MARK: Policy

  @Test func `the static policy`() throws {
    let policy = RiskPolicy(allowed: [.read, .write, .execute], approval: [.execute])
    func effect(_ tool: ToolDefinition, _ approve: Set<String> = []) throws -> (PolicyDecision.Effect, String) {
      let decision = policy.decide(
        ToolPolicyInput(definition: tool, arguments: try Self.document("{}"), approve: approve))
      return (decision.effect, decision.rule)
    }
    #expect(try effect(Self.tool("a")) == (.allow, "tools.allowed_risks"))
    #expect(try effect(Self.tool("a", .network)) == (.deny, "tools.allowed_risks"))
    // What is not allowed is not asked about.
    #expect(try effect(Self.tool("a", .network), ["network"]) == (.deny, "tools.allowed_risks"))
    #expect(try effect(Self.tool("a", .execute)) == (.ask, "tools.approval_risks"))
    #expect(try effect(Self.tool("a", .write), ["write"]) == (.ask, "step.approve"))
    #expect(try effect(Self.tool("a"), ["tool:a"]) == (.ask, "step.approve"))
    #expect(try effect(Self.tool("a"), ["a"]) == (.ask, "step.approve"))
    #expect(try effect(Self.tool("a"), ["tool:b", "write"]) == (.allow, "tools.allowed_risks"))
  }

  @Test func `a list names servers whose tools are not known yet`() {
    for entry in ["*", "mcp:files/*", "mcp:files/read", "files__read"] {
      #expect(ToolSelection.mayMean(["calculator", entry], server: "files"), "\(entry)")
    }
    for entry in ["mcp:files2/*", "user:*", "files_read", "file__read", "mcp:file/s"] {
      #expect(!ToolSelection.mayMean([entry], server: "files"), "\(entry)")
    }
    #expect(ToolSelection.mayMean(nil, server: "files"))
  }

  // MARK: Approvals

  private func approval(_ arguments: String, _ answers: [ToolAnswer]) throws -> ToolDecider.Approval {
    ToolDecider.approval(
      PolicyDecision(.ask, rule: "r", reason: "because"), Self.tool("a", .write), try Self.document(arguments), answers)
  }

  private func ask(_ arguments: String) throws -> ToolAsk {
    guard case .needed(let ask) = try approval(arguments, []) else { throw CancellationError() }
    return ask
  }

  @Test func `an approval holds for exactly the call that was read`() throws {
    let ask = try ask(#"{"to":"a"}"#)
    let subject = try JSONDocument(parsing: ask.subject).root
    #expect(subject["tool"]?.string == "a")
    #expect(subject["arguments"]?["to"]?.string == "a")
    #expect(subject["arguments_sha256"]?.string?.utf8.count == 64)
    let yes = ToolAnswer(
      kind: .approval, subjectSHA256: ask.subjectSHA256, answer: Array(#"{"approved":true}"#.utf8), by: "p")
    guard case .granted = try approval(#"{"to":"a"}"#, [yes]) else {
      Issue.record("not granted")
      return
    }
    for other in [#"{"to":"b"}"#, #"{"to":"a","cc":"b"}"#, #"{"to": "a"}"#] {
      guard case .needed = try approval(other, [yes]) else {
        Issue.record("granted for \(other)")
        continue
      }
    }
  }

  @Test func `numbers that are only near are other calls`() throws {
    let first = try ask(#"{"n":9007199254740993.0}"#)
    let second = try ask(#"{"n":9007199254740992.0}"#)
    #expect(first.subjectSHA256 != second.subjectSHA256)
  }

  @Test(arguments: [
    ("12345678901234567890123", "12345678901234567890123"), ("9007199254740993.0", "9007199254740993.0"),
    ("0.1000000000000000000001", "0.1000000000000000000001"), ("1e400", "1e400"), ("-1e-400", "-1e-400"),
    ("1e-310", "1e-310"), ("9007199254740993", "9007199254740993"), ("1.50", "1.5"), ("1E2", "100"), ("0e9", "0"),
    ("123456789012345e3", "1.23456789012345e+17"), ("[1e400,{\"b\":1,\"a\":0.5}]", "[1e400,{\"a\":0.5,\"b\":1}]"),
  ])
  func `a person reads the number that the call has`(_ written: String, _ shown: String) throws {
    let subject = try JSONDocument(parsing: try ask("{\"n\":\(written)}").subject).root
    #expect(subject["arguments"]?["n"].map { String(decoding: $0.rawBytes, as: UTF8.self) } == shown)
  }

  @Test(arguments: [
    (#"{"approved":false,"comment":"no mail"}"#, "rejected", "no mail"),
    (#"{"approved":false}"#, "rejected", "refused"),
    (#"{"expired":true}"#, "expired", "in time"), ("nonsense", "rejected", "refused"), ("{}", "rejected", "refused"),
    (#"{"approved":"true"}"#, "rejected", "refused"),
  ])
  func `everything but a clear yes is a no`(_ answer: String, _ code: String, _ part: String) throws {
    let ask = try ask("{}")
    let given = ToolAnswer(kind: .approval, subjectSHA256: ask.subjectSHA256, answer: Array(answer.utf8))
    guard case .refused(let result) = try approval("{}", [given]) else {
      Issue.record("not refused")
      return
    }
    #expect(result.code == code)
    #expect(result.text.contains(part))
    #expect(result.isError)
  }

  @Test func `large arguments are shown in part and bound as a whole`() throws {
    let long = String(repeating: "a", count: 100_000)
    let first = try ask(#"{"x":"\#(long)b"}"#)
    let second = try ask(#"{"x":"\#(long)c"}"#)
    #expect(first.subject.count < ToolAsk.subjectBytesMax)
    #expect(first.subjectSHA256 != second.subjectSHA256)
  }

  // MARK: Identical calls

  @Test func `digests tell calls apart`() {
    #expect(ToolDigest.digest("a", #"{"x":1,"y":2}"#) == ToolDigest.digest("a", #"{"y":2, "x":1}"#))
    let others = [
      ToolDigest.digest("a", #"{"x":1,"y":2}"#), ToolDigest.digest("b", #"{"x":1,"y":2}"#),
      ToolDigest.digest("a", #"{"x":1,"y":2.0}"#), ToolDigest.digest("a", "nonsense"), ToolDigest.digest("a", "{}"),
      ToolDigest.digest("a", #"{"xy":12}"#), ToolDigest.digest("a", #"{"xy1":2}"#), ToolDigest.digest("ax", #"{"":1}"#),
    ]
    #expect(Set(others).count == others.count)
  }

  @Test func `only what was read before nothing was changed answers again`() {
    var history = ToolCallHistory()
    history.record(digest: "r", effect: .repeatable, isError: false, index: 0)
    history.record(digest: "e", effect: .repeatable, isError: true, index: 1)
    history.record(digest: "v", effect: .volatile, isError: false, index: 2)
    history.record(digest: "r", effect: .repeatable, isError: false, index: 3)
    #expect(history.index(of: "r") == 0)
    #expect(history.index(of: "e") == nil)
    #expect(history.index(of: "v") == nil)
    history.record(digest: "w", effect: .changing, isError: true, index: 4)
    #expect(history.index(of: "r") == nil)
  }

  @Test func `effects of tools`() {
    typealias Effect = ToolCallHistory.Effect
    #expect(Effect(Self.tool("a")) == .repeatable)
    #expect(Effect(Self.tool("a", isVolatile: true)) == .volatile)
    #expect(Effect(Self.tool("a", isIdempotent: false)) == .changing)
    for risk in [ToolRisk.write, .execute, .network] { #expect(Effect(Self.tool("a", risk)) == .changing) }
  }

  // MARK: Selection

  @Test func `lists of tools`() {
    let available = [
      Self.tool("calculator"), Self.tool("artefact_write", .write), Self.tool("mine", .execute, source: .user),
      Self.tool("files__read", source: .mcp(server: "files")),
      Self.tool("files__write", .write, source: .mcp(server: "files")),
      Self.tool("web__read", source: .mcp(server: "web")),
    ]
    func names(_ wanted: [String]?) -> [String] {
      ToolSelection.select(wanted, from: available).places.map { available[$0].name }
    }
    #expect(names(nil) == ["calculator"])
    #expect(names([]) == [])
    #expect(names(["calculate"]) == ["calculator"])
    #expect(names(["*"]) == available.map(\.name))
    #expect(names(["mcp:files/*"]) == ["files__read", "files__write"])
    #expect(names(["mcp:files/read", "mine"]) == ["mine", "files__read"])
    #expect(names(["user:*", "files__write"]) == ["mine", "files__write"])
    #expect(ToolSelection.select(["nope", "mcp:x/*", "*"], from: available).missing == ["nope", "mcp:x/*"])
  }

  @Test func `long results keep their head and tail`() {
    let text = String(repeating: "a", count: 500) + "é" + String(repeating: "z", count: 500)
    #expect(ResultCut.cut(text, bytesMax: 2000, pointer: nil) == text)
    let cut = ResultCut.cut(text, bytesMax: 300, pointer: "the whole is the artefact x")
    #expect(cut.utf8.count <= 300)
    #expect(cut.hasPrefix("aaaa"))
    #expect(cut.hasSuffix("zzzz"))
    #expect(cut.contains("1002 bytes in all"))
    #expect(cut.contains("the artefact x"))
    for bytesMax in 0..<200 {
      let cut = ResultCut.cut(String(repeating: "😀", count: 100), bytesMax: bytesMax, pointer: nil)
      #expect(cut.utf8.count <= bytesMax)
      #expect(!cut.contains("\u{FFFD}"))
    }
  }
}
