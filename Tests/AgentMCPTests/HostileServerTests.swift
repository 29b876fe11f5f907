import AgentTools
import Contracts
import Glibc
import JSON
import MCP
import Synchronization
import SystemSources
import Testing

@testable import AgentMCP

/// How a server misbehaves, and what becomes of the call.
struct HostileCase: Sendable, CustomTestStringConvertible {
  let mode: String
  let reason: MCPErrorReason?
  /// The deadline of the call in milliseconds, for servers that never answer.
  var milliseconds: UInt64 = 120_000
  /// Whether the connection is good for more calls.
  var survives = false

  var testDescription: String { mode }

  /// The connection cannot be opened.
  static let atStart: [HostileCase] = [
    HostileCase(mode: "garbage_at_start", reason: .invalidJSON),
    HostileCase(mode: "dies_at_start", reason: .closed),
    HostileCase(mode: "discover_bad_type", reason: .invalidResult),
    HostileCase(mode: "discover_no_common", reason: .unsupportedVersion),
    HostileCase(mode: "version_refused", reason: .unsupportedVersion),
    HostileCase(mode: "old_version_unknown", reason: .unsupportedVersion),
    HostileCase(mode: "old_version_missing", reason: .invalidResult),
    HostileCase(mode: "old_refuses", reason: .unsupportedVersion),
    HostileCase(mode: "never_reads", reason: .timedOut, milliseconds: 1500),
    HostileCase(mode: "list_never", reason: .timedOut, milliseconds: 1500),
    HostileCase(mode: "list_endless_pages", reason: .endlessList),
    HostileCase(mode: "list_same_cursor", reason: .endlessList),
    HostileCase(mode: "list_no_array", reason: .invalidResult),
    HostileCase(mode: "list_too_many", reason: .invalidResult),
    HostileCase(mode: "list_asks", reason: .invalidResult),
  ]

  /// The call fails.
  static let inCall: [HostileCase] = [
    HostileCase(mode: "garbage", reason: .invalidJSON),
    HostileCase(mode: "half_json", reason: .invalidJSON),
    HostileCase(mode: "not_utf8", reason: .invalidJSON),
    HostileCase(mode: "deep", reason: .invalidJSON),
    HostileCase(mode: "deep_result", reason: .invalidJSON),
    HostileCase(mode: "many_nodes", reason: .invalidJSON),
    HostileCase(mode: "duplicate_keys", reason: .invalidJSON),
    HostileCase(mode: "huge_line", reason: .messageTooLarge),
    HostileCase(mode: "endless_line", reason: .messageTooLarge),
    HostileCase(mode: "never", reason: .timedOut, milliseconds: 500, survives: true),
    HostileCase(mode: "prolongs", reason: .timedOut, milliseconds: 800, survives: true),
    HostileCase(mode: "wrong_id", reason: .unknownResponse),
    HostileCase(mode: "string_id", reason: .unknownResponse),
    HostileCase(mode: "null_id", reason: .invalidMessage),
    HostileCase(mode: "no_id", reason: .invalidMessage),
    HostileCase(mode: "both", reason: .invalidMessage),
    HostileCase(mode: "wrong_version", reason: .invalidMessage),
    HostileCase(mode: "result_array", reason: .invalidMessage),
    HostileCase(mode: "batch", reason: .invalidMessage),
    HostileCase(mode: "dies", reason: .closed),
    HostileCase(mode: "killed", reason: .closed),
    HostileCase(mode: "dies_half", reason: .closed),
    HostileCase(mode: "closes_output", reason: .closed),
    HostileCase(mode: "floods", reason: .tooManyMessages),
    HostileCase(mode: "floods_progress", reason: .tooManyMessages),
    HostileCase(mode: "floods_requests", reason: .tooManyMessages),
    HostileCase(mode: "floods_lines", reason: .tooManyMessages, milliseconds: 20_000),
    HostileCase(mode: "content_missing", reason: .invalidResult, survives: true),
    HostileCase(mode: "content_string", reason: .invalidResult, survives: true),
    HostileCase(mode: "content_unknown", reason: .invalidResult, survives: true),
    HostileCase(mode: "content_no_text", reason: .invalidResult, survives: true),
    HostileCase(mode: "bad_base64", reason: .invalidResult, survives: true),
    HostileCase(mode: "too_many_parts", reason: .invalidResult, survives: true),
    HostileCase(mode: "is_error_string", reason: .invalidResult, survives: true),
    HostileCase(mode: "result_type", reason: .invalidResult, survives: true),
    HostileCase(mode: "output_missing", reason: .outputSchema, survives: true),
    HostileCase(mode: "output_wrong", reason: .outputSchema, survives: true),
    HostileCase(mode: "asks_sampling", reason: .notOffered, survives: true),
    HostileCase(mode: "asks_roots", reason: .notOffered, survives: true),
    HostileCase(mode: "asks_nothing", reason: .invalidResult, survives: true),
    HostileCase(mode: "asks_endlessly", reason: .inputRequired, survives: true),
    HostileCase(mode: "asks_bad_schema", reason: .invalidResult, survives: true),
    HostileCase(mode: "asks_too_many", reason: .invalidResult, survives: true),
    HostileCase(mode: "old_asks", reason: .invalidResult, survives: true),
    HostileCase(mode: "error_huge", reason: .refused, survives: true),
    HostileCase(mode: "error_no_code", reason: .invalidMessage),
    HostileCase(mode: "error_params", reason: .invalidArguments, survives: true),
    HostileCase(mode: "error_method", reason: .methodNotFound, survives: true),
  ]
}

/// Servers that break the protocol: each call ends in the right typed error within its deadline, and of the server
/// nothing is left.
@Suite(.serialized)
struct HostileServerTests {
  @Test(arguments: HostileCase.atStart) func `a server that cannot be started`(_ test: HostileCase) async throws {
    let world = MCPWorld.hostile(test.mode) { $0.startTime = .milliseconds(Int64(test.milliseconds)) }
    do {
      _ = try await world.definitions()
      Issue.record("the connection was opened")
    } catch let error as MCPError {
      #expect(error.reason == test.reason, "\(error)")
    }
    let report = world.registry.reports.last
    #expect(await eventually { world.registry.reports.last?.state == .failed })
    #expect(world.registry.reports.last?.fault?.rawValue == test.reason?.kind.rawValue, "\(String(describing: report))")
    #expect(world.servers.processes == 0)
    await world.end()
  }

  @Test(arguments: HostileCase.inCall) func `a call that fails`(_ test: HostileCase) async throws {
    let world = MCPWorld.hostile(test.mode)
    _ = try await world.definitions()
    let process = try await world.process()
    #expect(process.id > 0)
    let result = try await world.call("work", nanoseconds: test.milliseconds * 1_000_000)
    #expect(result.isError)
    #expect(result.text.contains("(\(test.reason?.rawValue ?? ""))"), "\(result.text.prefix(300))")
    #expect(result.text.utf8.count < 5000)
    if !test.survives {
      #expect(await eventually { world.registry.reports.last?.state == .failed })
      #expect(world.registry.reports.last?.fault?.rawValue == test.reason?.kind.rawValue)
    } else {
      #expect(try await world.process().id == process.id)
    }
    await world.end()
    #expect(kill(process.id, 0) != 0)
    #expect(process.descriptors.allSatisfy { !$0.isOpen })
  }

  @Test func `a second answer ends the connection`() async throws {
    let world = MCPWorld.hostile("twice")
    let result = try await world.call("work")
    #expect(result.text == "one" || result.text.contains("(unknown_response)"))
    #expect(await eventually { world.registry.reports.last?.state == .failed })
    #expect(world.registry.reports.last?.message?.hasPrefix("unknown_response") == true)
    await world.end()
  }

  @Test func `broken definitions do not hide the others`() async throws {
    let world = MCPWorld.hostile("list_bad_tools")
    #expect(try await world.definitions().map(\.name).filter { $0.hasPrefix("s__work") } == ["s__work"])
    #expect(try await world.call("work").text == "fine")
    await world.end()
  }

  @Test func `text is made plain`() async throws {
    let world = MCPWorld.hostile("ansi")
    let tools = try await world.provider.tools(for: world.context())
    #expect(tools.first { $0.0.name == "s__work" }?.0.description == "Works.")
    #expect(try await world.call("work").text == "red bidi")
    await world.end()
  }

  @Test func `structured content that fits is passed on`() async throws {
    let world = MCPWorld.hostile("output_right")
    let result = try await world.call("work")
    #expect(!result.isError)
    #expect(result.data == Array(#"{"n": 7}"#.utf8) || result.data == Array(#"{"n":7}"#.utf8))
    await world.end()
  }

  @Test(arguments: ["floods_errors", "bad_progress"]) func `what is only odd ends nothing`(_ mode: String) async throws
  {
    let world = MCPWorld.hostile(mode)
    #expect(try await world.call("work").text == "fine")
    await world.end()
  }

  @Test func `requests of the server are refused, pings are answered`() async throws {
    let asking = MCPWorld.hostile("old_elicits")
    #expect(try await asking.call("work").text == "code -32601")
    await asking.end()
    let pinging = MCPWorld.hostile("old_pings")
    #expect(try await pinging.call("work").text == "{}")
    await pinging.end()
  }

  @Test func `a changed definition needs a new approval`() async throws {
    let world = MCPWorld.hostile("changes", trust: .approve)
    _ = try await world.definitions()
    #expect(try await world.provider.tools(for: world.context()).isEmpty)
    world.registry.approve()
    #expect(try await world.call("work").text == "changed")
    let pinned = world.registry.state.withLock { $0.servers[0].tools.first { $0.name == "s__work" }?.sha256 }
    #expect(
      await eventually {
        world.registry.reports.last?.tools?.first { $0.name == "s__work" }?.sha256 != pinned
      })
    #expect(try await eventually { try await world.call("work").code == ToolResultCode.denied.rawValue })
    world.registry.approve()
    #expect(try await world.call("work").text == "changed")
    await world.end()
  }

  @Test func `a definition that changes without a word is found out in time`() async throws {
    let world = MCPWorld.hostile("changes_silently", trust: .approve) { $0.checkTime = .milliseconds(50) }
    _ = try await world.definitions()
    world.registry.approve()
    #expect(try await world.call("work").text == "changed")
    #expect(try await eventually { try await world.call("work").code == ToolResultCode.denied.rawValue })
    #expect(world.registry.reports.filter { $0.tools != nil }.count == 2, "an unchanged list is reported once")
    world.registry.approve()
    #expect(try await world.call("work").text == "changed")
    await world.end()
  }

  @Test func `a list whose time is over is read before the next call`() async throws {
    let world = MCPWorld.hostile("changes_silently", trust: .approve) {
      $0.checkTime = .seconds(3600)
      $0.listLifetimeMin = .zero
    }
    _ = try await world.definitions()
    world.registry.approve()
    #expect(try await world.call("work").text == "changed")
    #expect(try await world.call("work").code == ToolResultCode.denied.rawValue)
    await world.end()
  }

  @Test func `a list that cannot be read again holds calls back`() async throws {
    let world = MCPWorld.hostile("list_twice", trust: .approve) { $0.listLifetimeMin = .zero }
    _ = try await world.definitions()
    world.registry.approve()
    let result = try await world.call("work")
    #expect(result.isError && result.text.contains("(refused)"), "\(result.text)")
    await world.end()
  }

  @Test func `a program gets its pipes and declared names, nothing else`() async throws {
    let world = MCPWorld.hostile("surroundings", secrets: ["TOKEN": "s3cret-token"])
    let result = try await world.call("work")
    let root = try JSONDocument(parsing: result.text).root
    let surroundings = TestServers.hasJail ? ["HOME", "LANG", "PATH", "TMPDIR", "TOKEN"] : ["TOKEN"]
    #expect(root["environment"]?.elements.compactMap(\.string) == surroundings)
    #expect(root["token"]?.string == "s3cret-token")
    #expect(root["descriptors"]?.elements.compactMap(\.string) == ["0", "1", "2"])
    #expect(root["group"]?.bool == true)
    let folder = world.servers.environment.configuration.jail.map { $0.folder + "/0" } ?? "/"
    #expect(root["folder"]?.string == folder)
    await world.end()
  }

  @Test func `secrets do not show in the log`() async throws {
    let world = MCPWorld.hostile("logs_secret", secrets: ["TOKEN": "s3cret-token"])
    #expect(try await world.call("work").text == "fine")
    #expect(await eventually { world.log.lines.withLock { $0.contains { $0.contains("my token is") } } })
    #expect(world.log.lines.withLock { !$0.contains { $0.contains("s3cret-token") } })
    await world.end()
  }

  /// A value that is a part of what stands in its place: whoever looks for it again in the new text never ends.
  @Test(arguments: ["redacted", "[redacted]", "tttt"]) func `a secret may look like anything`(_ secret: String)
    async throws
  {
    let world = MCPWorld.hostile("logs_secret", secrets: ["TOKEN": secret])
    #expect(try await world.call("work").text == "fine")
    #expect(
      await eventually { world.log.lines.withLock { $0.contains { $0.contains("my token is [redacted]\"") } } })
    await world.end()
  }

  @Test func `definitions that are left out are counted`() async throws {
    let world = MCPWorld.hostile("list_bad_tools")
    _ = try await world.definitions()
    let catalogue = try #require(try world.runner().catalogue)
    #expect(catalogue.faults.map(\.message).filter { $0.hasPrefix("the definition of twice") }.count == 1)
    #expect(catalogue.faults.map(\.message).filter { $0.hasPrefix("the definition of large") }.count == 1)
    await world.end()
  }

  @Test func `servers that nobody uses make room for others`() async throws {
    let world = MCPWorld.hostile("fine") { $0.serversMax = 2 }
    #expect(try await world.call("work").text == "fine")
    // The one in use stays, the others take each other's place.
    for _ in 0..<5 {
      let other = RegisteredMCPServer(
        id: MCPServerID.make(), name: "other", version: 1, transport: world.server.transport, trust: .pin,
        usesNetwork: false, timeoutMilliseconds: 1000, tools: [])
      #expect(world.servers.runner(other, of: TenantID.make()) != nil)
    }
    let process = try await world.process().id
    #expect(try await world.call("work").text == "fine")
    #expect(try await world.process().id == process)
    await world.end()
  }

  @Test func `children of the program end with it`() async throws {
    let world = MCPWorld.hostile("children")
    let child = try #require(Int32(try await world.call("work").text))
    #expect(kill(child, 0) == 0)
    await world.end()
    #expect(await eventually { kill(child, 0) != 0 || isZombie(child) })
  }

  @Test func `a program that ignores signals is killed`() async throws {
    let world = MCPWorld.hostile("ignores_signals")
    _ = try await world.definitions()
    let process = try await world.process()
    await world.end()
    #expect(kill(process.id, 0) != 0)
  }

  @Test func `a program that ends at the question for its era is started without it`() async throws {
    let world = MCPWorld.hostile("dies_when_probed")
    #expect(try await world.call("work").text == "fine")
    await world.end()
  }

  @Test func `a server that stays silent is taken for an old one`() async throws {
    let world = MCPWorld.hostile("silent_at_start") { $0.probeTime = .milliseconds(300) }
    #expect(try await world.definitions().contains { $0.name == "s__work" })
    await world.end()
  }

  @Test func `what the operator does not list is not started`() async throws {
    let world = MCPWorld.hostile("fine") { $0.commands = ["/usr/bin/other", "/opt/mcp/"] }
    do {
      _ = try await world.definitions()
      Issue.record("it was started")
    } catch let error as MCPError { #expect(error.reason == .cannotStart) }
    await world.end()
  }

  @Test func `calls and programs are bounded`() async throws {
    let world = MCPWorld.hostile("never") {
      $0.callsMax = 2
      $0.processesMax = 1
    }
    _ = try await world.definitions()
    let results = try await withThrowingTaskGroup(of: String.self) { group in
      for number in 0..<4 {
        group.addTask { try await world.call("work", nanoseconds: 800_000_000, key: "\(number)").text }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(results.filter { $0.contains("(overloaded)") }.count >= 1, "\(results)")
    #expect(results.filter { $0.contains("(timed_out)") }.count >= 1)
    await world.end()
  }

  @Test func `a cancelled call lets go at once`() async throws {
    let world = MCPWorld.hostile("never")
    _ = try await world.definitions()
    let call = Task { try await world.call("work") }
    let runner = try world.runner()
    #expect(try await eventually { try await runner.loop.hop { runner.pendingCalls == 1 } })
    call.cancel()
    await #expect(throws: CancellationError.self) { try await call.value }
    #expect(try await eventually { try await runner.loop.hop { runner.pendingCalls == 0 } })
    await world.end()
  }

  private func isZombie(_ process: Int32) -> Bool {
    guard let file = fopen("/proc/\(process)/stat", "r") else { return true }
    defer { fclose(file) }
    var bytes = [CChar](repeating: 0, count: 256)
    let count = fread(&bytes, 1, 255, file)
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self).contains(") Z")
  }
}
