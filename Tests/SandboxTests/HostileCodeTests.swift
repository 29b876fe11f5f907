import AgentSandbox
import SandboxProtocol
import Testing

/// Every attack is contained, has the right outcome and a metering record, and leaves a sandbox that works.
@Suite(.serialized, .enabled(if: RealSandbox.isInstalled, "the engine of the sandbox is not installed: `make setup`"))
struct HostileCodeTests {
  private func check(_ cases: [HostileCase]) async throws {
    let left = try await RealSandbox.with { sandbox in
      for attack in cases { await check(attack, sandbox) }
    }
    #expect(left == [])
  }

  private func check(_ attack: HostileCase, _ sandbox: RealSandbox) async {
    let result = await sandbox.run(attack)
    #expect(attack.outcomes.contains(result.code), "\(attack.name): \(result.code)")
    let output = result.output + String(decoding: result.report.standardError.bytes, as: UTF8.self)
    #expect(!output.contains("ESCAPED"), "\(attack.name): \(output.prefix(300))")
    #expect(!output.contains(RealSandbox.canary), "\(attack.name)")
    for text in attack.has {
      #expect(output.contains(text), "\(attack.name) has no \(text): \(output.prefix(300))")
    }
    if result.code != "compile_rejected" {
      #expect(result.report.metering.wallMicroseconds > 0, "\(attack.name) has no time")
    }
    // Nothing stays of it for another session: no file, no global, no broken worker.
    let good = await sandbox.good()
    #expect(good.code == "ok" && good.output == "fine 0\n", "after \(attack.name): \(good.code) \(good.output)")
  }

  @Test func `python: time`() async throws { try await check(HostileCase.pythonTime) }
  @Test func `python: memory and stack`() async throws { try await check(HostileCase.pythonMemory) }
  @Test func `python: files`() async throws { try await check(HostileCase.pythonFiles) }
  @Test func `python: network, processes, identity`() async throws { try await check(HostileCase.pythonSystem) }
  @Test func `python: output`() async throws { try await check(HostileCase.pythonOutput) }
  @Test func `javascript`() async throws { try await check(HostileCase.javascriptCases) }
  @Test func `modules that are malformed`() async throws { try await check(HostileCase.malformedModules) }
  @Test func `modules made to exhaust a compiler`() async throws { try await check(HostileCase.compileBombs) }
  @Test func `modules that attack when they run`() async throws { try await check(HostileCase.hostileModules) }

  @Test func `the corpus has at least 120 cases`() {
    let all =
      HostileCase.pythonTime + HostileCase.pythonMemory + HostileCase.pythonFiles + HostileCase.pythonSystem
      + HostileCase.pythonOutput + HostileCase.javascriptCases + HostileCase.malformedModules + HostileCase.compileBombs
      + HostileCase.hostileModules
    #expect(all.count >= 120)
    #expect(Set(all.map(\.name)).count == all.count)
  }
}
