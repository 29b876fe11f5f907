import AgentToolCalls
import AgentTools
import AgentWorkspace
import Contracts
import JSON
import Primitives
import Reactor
import Settings
import Synchronization
import Telemetry
import Testing

/// Memories in memory.
private final class MemoryMemories: MemoryStoring {
  private let stored = Mutex<[(key: String?, memory: StoredMemory)]>([])

  func remember(_ text: String, tags: [String], key: String?, for step: WorkspaceStep) async throws -> StoredMemory {
    let memory = StoredMemory(
      id: MemoryID(UUID(high: 9, low: 9)), text: text, tags: tags, createdAt: Timestamp(unixMicroseconds: 0),
      createdBy: "step")
    return stored.withLock { stored in
      if let known = stored.first(where: { $0.key == key }) { return known.memory }
      stored.append((key, memory))
      return memory
    }
  }

  func recall(_ query: String, limit: Int, for step: WorkspaceStep) async throws -> [StoredMemory] {
    stored.withLock { $0.map(\.memory).filter { $0.text.contains(query) } }
  }
}

/// A store that is away.
private struct BrokenArtefacts: ArtefactStoring {
  let error: WorkspaceError

  func put(
    _ name: ArtefactName, _ bytes: [UInt8], mediaType: String?, for step: WorkspaceStep
  ) async throws -> ArtefactReference { throw error }

  func artefact(
    _ name: ArtefactName, bytesMax: Int, for step: WorkspaceStep
  ) async throws -> (reference: ArtefactReference, bytes: [UInt8]) { throw error }

  func artefacts(for step: WorkspaceStep) async throws -> [ArtefactReference] { throw error }
}

private struct FixedClock: ToolClock {
  func now() -> UInt64 { SystemToolClock().now() }
  func wallTime() -> Timestamp { Timestamp(unixMicroseconds: 1_790_000_000_123_000) }
}

@Suite struct BuiltInTests {
  private typealias Call = @Sendable (String, String) async throws -> ToolResult

  private static func run(
    artefacts: (any ArtefactStoring)? = MemoryArtefacts(),
    _ body: @escaping @Sendable (Call) async throws -> Void
  ) async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let provider = BuiltInProvider(artefacts: artefacts, memories: MemoryMemories(), clock: FixedClock())
      let runner = ToolRunner(
        providers: [provider], policy: RiskPolicy(), artefacts: artefacts, telemetry: .disabled())
      let catalog = try await runner.catalog(for: testContext(), wanted: ["*"])
      try await body { name, arguments in try await call(runner, catalog, name, arguments) }
    }
  }

  @Test func `what is offered follows from what is there`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      func names(_ provider: BuiltInProvider, _ context: ToolContext = testContext()) async -> Set<String> {
        Set(await provider.tools(for: context).map(\.0.name))
      }
      let alone = await names(BuiltInProvider())
      #expect(alone.isSuperset(of: ["calculator", "current_time", "ask_human", "text_search", "json_query"]))
      #expect(alone.isDisjoint(with: ["artefact_read", "memory_store", "http_fetch", "http_post", "run_python"]))
      let all = BuiltInProvider(artefacts: MemoryArtefacts(), memories: MemoryMemories())
      #expect(await names(all).isSuperset(of: ["artefact_write", "memory_search"]))
      #expect(await !names(all, testContext(project: nil)).contains("memory_search"))
    }
  }

  @Test func `small ones`() async throws {
    try await Self.run { (run: Call) async throws -> Void in
      #expect(try await run("calculator", #"{"expression":"2^10"}"#).text == "1024")
      #expect(try await run("calculate", #"{"expression":"6*7"}"#).text == "42")
      #expect(try await run("calculator", #"{"expression":"1/0"}"#).isError)
      #expect(
        try await run("current_time", "").text == "2026-09-21T14:13:20.123Z (Monday), Unix seconds 1790000000")
    }
  }

  @Test func `a person is asked, and the answer is the result`() async throws {
    try await onLoop { (_: EventLoopGroup) async throws -> Void in
      let runner = ToolRunner(providers: [BuiltInProvider()], policy: RiskPolicy(), telemetry: .disabled())
      let catalog = try await runner.catalog(for: testContext(), wanted: ["ask_human"])
      let arguments = #"{"question":"Which?","choices":["a","b"]}"#
      let ask = try #require(try await call(runner, catalog, "ask_human", arguments).ask)
      #expect(ask.kind == .question)
      #expect(ask.subject == Array(#"{"choices":["a","b"],"question":"Which?"}"#.utf8))
      func answered(_ text: String) async throws -> ToolResult {
        let answer = ToolAnswer(kind: .question, subjectSHA256: ask.subjectSHA256, answer: Array(text.utf8), by: "p")
        return try await call(runner, catalog, "ask_human", arguments, answers: [answer])
      }
      #expect(try await answered(#"{"text":"a"}"#).text == "a")
      #expect(try await answered(#""b""#).text == "b")
      #expect(try await answered(#"{"x":1}"#).text == #"{"x":1}"#)
      #expect(try await answered(#"{"expired":true}"#).code == "expired")
    }
  }

  @Test func `artefacts are written, listed, read in parts and searched`() async throws {
    try await Self.run { (run: Call) async throws -> Void in
      #expect(try await run("artefact_list", "{}").text == "this run has no artefacts yet")
      let written = try await run("artefact_write", #"{"name":"a/b.txt","content":"one\ntwo é\nthree"}"#)
      #expect(written.artefacts.map(\.name) == ["a/b.txt"])
      #expect(try await run("artefact_list", "{}").text.contains("a/b.txt (16 bytes"))
      #expect(try await run("artefact_read", #"{"name":"a/b.txt"}"#).text == "one\ntwo é\nthree")
      // Halves of characters are left out.
      #expect(
        try await run("artefact_read", #"{"name":"a/b.txt","offset":4,"length":5}"#).text
          == "[bytes 4 to 8 of 16]\ntwo ")
      #expect(try await run("artefact_read", #"{"name":"a/b.txt","offset":99}"#).code == "invalid_arguments")
      #expect(try await run("artefact_read", #"{"name":"none"}"#).code == "not_found")
      #expect(try await run("artefact_read", #"{"name":"../etc/passwd"}"#).code == "invalid_arguments")
      #expect(
        try await run("text_search", #"{"artefact":"a/b.txt","pattern":"t"}"#).text == "2 matches\n2: two é\n3: three")
      #expect(try await run("text_lines", #"{"artefact":"a/b.txt","first":2,"last":2}"#).text.hasSuffix(":\ntwo é"))
      #expect(try await run("text_search", #"{"pattern":"t"}"#).code == "invalid_arguments")
      #expect(
        try await run("text_search", #"{"pattern":"t","text":"t","artefact":"a/b.txt"}"#).code == "invalid_arguments")
      #expect(try await run("text_diff", #"{"before":"a","after_artefact":"a/b.txt"}"#).text.hasPrefix("--- before"))
      #expect(try await run("text_replace", #"{"text":"aXa","find":"X","replacement":"-"}"#).text == "a-a")
    }
  }

  @Test func `documents`() async throws {
    try await Self.run { (run: Call) async throws -> Void in
      #expect(try await run("json_query", #"{"text":"{\"a\":[1,2]}","path":"$.a[*]"}"#).text == "[1,2]")
      #expect(
        try await run("json_set", #"{"text":"{\"a\":1}","pointer":"/a","value":[2.50]}"#).text == #"{"a":[2.50]}"#)
      #expect(try await run("json_set", #"{"text":"{\"a\":1}","pointer":"/a"}"#).text == "{}")
      #expect(
        try await run("json_validate", #"{"text":"1","schema":{"type":"string"}}"#).text.contains("must be a string"))
      #expect(try await run("json_query", #"{"text":"nonsense","path":""}"#).code == "invalid_arguments")
      #expect(
        try await run("csv_to_json", #"{"text":"a;b\n1;x","separator":";","numbers":true}"#).text
          == #"[{"a":1,"b":"x"}]"#)
      #expect(try await run("json_to_csv", #"{"text":"[{\"a\":1}]"}"#).text == "a\r\n1\r\n")
      // Texts that are not small are computed elsewhere.
      let long = String(repeating: "a,", count: 20_000)
      #expect(try await run("csv_to_json", "{\"text\":\"\(long)\",\"header\":false}").code == "invalid_arguments")
      let rows = String(repeating: "a,b\\n", count: 2000)
      #expect(try await run("csv_to_json", "{\"text\":\"\(rows)\",\"header\":false}").text.hasPrefix(#"[["a","b"]"#))
    }
  }

  @Test func `memories`() async throws {
    try await Self.run { (run: Call) async throws -> Void in
      #expect(try await run("memory_search", #"{"query":"moon"}"#).text == "nothing is remembered about this")
      #expect(try await run("memory_store", #"{"text":"the moon is far","tags":["space"]}"#).text == "remembered")
      #expect(try await run("memory_search", #"{"query":"moon"}"#).text.hasPrefix("- the moon is far [space]"))
    }
  }

  @Test(arguments: [
    (WorkspaceError.Kind.unavailable, "unreachable"), (.quota, "too_large"), (.refused, "invalid_arguments"),
    (.notFound, "not_found"), (.leaseLost, "unreachable"),
  ])
  func `errors of the workspace are results`(_ kind: WorkspaceError.Kind, _ code: String) async throws {
    let store = BrokenArtefacts(error: WorkspaceError(kind, code: "x", "It says why."))
    try await Self.run(artefacts: store) { (run: Call) async throws -> Void in
      for (name, arguments) in [
        ("artefact_list", "{}"), ("artefact_read", #"{"name":"a"}"#), ("artefact_write", #"{"name":"a","content":""}"#),
        ("text_lines", #"{"artefact":"a"}"#),
      ] {
        let result = try await run(name, arguments)
        #expect(result.code == code || result.code == "circuit_open")
        #expect(result.isError)
      }
    }
  }

  // MARK: Definitions and settings

  @Test func `every definition is within its limits and can be compiled`() {
    #expect(Set(BuiltInTools.all.map(\.name)).count == BuiltInTools.all.count)
    for tool in BuiltInTools.all {
      #expect(tool.isWithinLimits, "\(tool.name)")
      #expect(CompiledToolSchema(tool) != nil, "\(tool.name)")
      #expect(!tool.description.contains("  "), "\(tool.name)")
    }
  }

  @Test func `settings`() throws {
    func settings(_ values: [String: String]) throws -> Settings {
      try SettingsTable(ToolSettings.all).load(
        SettingsSources(overrides: values.map { SettingsOverride(key: $0.key, value: $0.value) }))
    }
    #expect(try ToolSettings.fetching(settings([:])) == nil)
    #expect(try ToolSettings.policy(settings([:])).allowed == Set(ToolRisk.allCases))
    #expect(
      try ToolSettings.policy(settings(["tools.approval_risks": "execute,network"])).approval == [.execute, .network])
    let fetching = try #require(
      try ToolSettings.fetching(
        settings(["tools.http_hosts": "example.com,*.example.org", "tools.http_methods": "get,post"])))
    #expect(fetching.allowsPost)
    #expect(fetching.rules.ports == [80, 443])
    for wrong in [
      ["tools.http_hosts": "http://x"], ["tools.http_hosts": "a", "tools.http_ports": "0"],
      ["tools.http_hosts": "a", "tools.http_methods": "PUT"], ["tools.http_private_hosts": "1.2.3"],
    ] {
      #expect(throws: ToolSettings.Fault.self) { try ToolSettings.fetching(settings(wrong)) }
    }
    #expect(throws: ToolSettings.Fault.self) { try ToolSettings.policy(settings(["tools.allowed_risks": "all"])) }
  }
}
