import Foundation
import HTTP
import Policy
import Reactor
import Settings
import Telemetry
import Testing

@testable import PolicyDecisions

/// An engine as settings make it, and the folder it watches.
@Suite("Policy runtime")
struct RuntimeTests {
  private let folder = NSTemporaryDirectory() + "cadre-policies-\(UUID().uuidString)"

  private func write(_ text: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try text.write(toFile: folder + "/http.rego", atomically: true, encoding: .utf8)
  }

  private func settings(_ overrides: [(String, String)] = []) throws -> Settings {
    let all = [("policy.folder", folder), ("policy.reload_ms", "100"), ("policy.timeout_ms", "10000")] + overrides
    return try SettingsTable(PolicySettings.all).load(
      SettingsSources(overrides: all.map { SettingsOverride(key: $0.0, value: $0.1) }))
  }

  private func until(_ condition: @Sendable () -> Bool) async throws -> Bool {
    for _ in 0..<6000 {
      if condition() { return true }
      try await EventLoop.sleep(for: .milliseconds(10))
    }
    return false
  }

  private static func module(_ effect: String) -> String {
    "package cadre.http\ndecision := {\"effect\": \"\(effect)\"}\n"
  }

  @Test func `a change of the folder is loaded, a fault is not`() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(RuntimeTests.module("deny"))
    let settings = try settings([("policy.log", folder + ".log")])
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    try await group.onEach { loop in
      let runtime = try PolicyRuntime(
        settings, client: HTTPClient(group: group, telemetry: .disabled()), telemetry: .disabled(),
        labels: [("id", "test")])
      let engine = runtime.engine
      let watching = loop.task { await runtime.run() }
      #expect(try await engine.decide(Sample.query()).effect == .deny)
      let first = engine.status.revision

      try write("this is no policy")
      #expect(try await until { engine.status.lastFault != nil })
      #expect(engine.status.lastFault?.hasPrefix("bundle: http.rego: 1:") == true)
      #expect(try await engine.decide(Sample.query()).effect == .deny && engine.status.revision == first)

      try write(RuntimeTests.module("allow"))
      #expect(try await until { engine.status.revision != first })
      #expect(try await until { engine.status.lastFault == nil })
      #expect(try await engine.decide(Sample.query()).isAllowed)

      try FileManager.default.removeItem(atPath: folder)
      #expect(try await until { engine.status.lastFault != nil })
      #expect(try await engine.decide(Sample.query()).isAllowed)
      watching.cancel()
      _ = await watching.result
      engine.flush()
      let log = try String(contentsOfFile: folder + ".log", encoding: .utf8)
      #expect(log.split(separator: "\n").count == 4)
    }
    try? FileManager.default.removeItem(atPath: folder + ".log")
  }

  @Test(arguments: [
    [("policy.url", "no address")], [("policy.log", "/proc/none/x")], [("policy.log_masked", "[\"/other\"]")],
    [("policy.folder", "/nowhere/at/all")],
  ])
  func `what cannot be used ends the start`(_ overrides: [(String, String)]) async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(RuntimeTests.module("deny"))
    let settings = try settings(overrides)
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    #expect(throws: PolicyBundleError.self) {
      _ = try PolicyRuntime(
        settings, client: HTTPClient(group: group, telemetry: .disabled()), telemetry: .disabled(), labels: [])
    }
  }

  @Test func `settings are the first values of the switches`() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try write(RuntimeTests.module("deny"))
    let settings = try settings([
      ("policy.mode", "dry_run"), ("policy.canary_percent", "7"), ("policy.halt", "true"),
      ("policy.cache_entries", "0"),
    ])
    let group = EventLoopGroup(count: 1)
    defer { group.stop() }
    let runtime = try PolicyRuntime(
      settings, client: HTTPClient(group: group, telemetry: .disabled()), telemetry: .disabled(), labels: [])
    #expect(
      runtime.engine.control.switches == PolicySwitches(mode: .dryRun, canaryPercent: 7, isHalted: true))
    for _ in 0..<2 { #expect(try await runtime.engine.decide(Sample.query()).isFromCache == false) }
  }
}
