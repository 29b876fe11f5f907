import Foundation
import Synchronization
import Testing

@testable import CadreCommands

@Suite struct PolicyControlCommandTests {
  private static func run(
    _ arguments: [String], answering body: String = "{}", status: Int = 200
  ) throws -> (status: Int32, lines: [String], errors: [String], request: String) {
    let server = try AnsweringServer(status: status, body: body)
    let lines = Mutex<([String], [String])>(([], []))
    let output = Output { text in
      lines.withLock { $0.0.append(text) }
    } error: { text in
      lines.withLock { $0.1.append(text) }
    }
    let status = CadreTool.run(
      ["policy"] + arguments + ["--url", server.url], output: output, environment: ["CADRE_API_KEY": "k"])
    let (out, errors) = lines.withLock { $0 }
    return (status, out, errors, server.request ?? "")
  }

  @Test(arguments: [
    (["status"], "GET /operator/v1/policy ", ""),
    (["mode", "dry_run"], "PUT /operator/v1/policy ", #"{"mode":"dry_run"}"#),
    (["mode", "enforce", "--canary", "25"], "PUT /operator/v1/policy ", #"{"mode":"enforce","canary_percent":25}"#),
    (["halt"], "PUT /operator/v1/policy ", #"{"halted":true}"#),
    (["release"], "PUT /operator/v1/policy ", #"{"halted":false}"#),
    (["data", "show"], "GET /api/v1/policy/data ", ""),
    (["data", "remove", "--if-version", "3"], "DELETE /api/v1/policy/data ", ""),
    (["data", "show", "--tenant", "tenant_1"], "GET /operator/v1/tenants/tenant_1/policy-data ", ""),
  ])
  func `a command is one request`(_ words: [String], _ head: String, _ body: String) throws {
    let outcome = try Self.run(words)
    #expect(outcome.status == 0 && outcome.request.hasPrefix(head), "\(outcome.request) \(outcome.errors)")
    #expect(outcome.request.hasSuffix(body), "\(outcome.request)")
    if words.contains("--if-version") { #expect(outcome.request.contains("\"3\"")) }
  }

  @Test func `a file is sent as data, and what is none is not sent`() throws {
    let file = "/tmp/cadre-policy-data-\(getpid()).json"
    defer { try? FileManager.default.removeItem(atPath: file) }
    try #"{"tools": {"deny": ["shell"]}}"#.write(toFile: file, atomically: true, encoding: .utf8)
    let set = try Self.run(
      ["data", "set", file, "--tenant", "tenant_1", "--status", "suspended"],
      answering: #"{"version": 2, "data": {"tools": {}}}"#)
    #expect(set.request.hasPrefix("PUT /operator/v1/tenants/tenant_1/policy-data "))
    #expect(set.request.hasSuffix(#"{"data":{"tools": {"deny": ["shell"]}},"status":"suspended"}"#), "\(set.request)")
    #expect(set.lines == ["version: 2\n{\"tools\": {}}"])
    try "[1]".write(toFile: file, atomically: true, encoding: .utf8)
    #expect(try Self.run(["data", "set", file]).errors.first?.contains("is no JSON object") == true)
    for words in [
      ["data"], ["data", "set"], ["data", "set", "/nonexistent"], ["data", "show", "--tenant", "a/b"], ["mode"],
      ["mode", "enforce", "--canary", "101"], ["halt", "now"], ["data", "remove", "--if-version", "0"],
    ] {
      let outcome = try Self.run(words)
      #expect(outcome.status == 1 && outcome.errors.count == 1 && outcome.request == "", "\(words)")
    }
  }

  @Test func `the state is shown with the figures of the cache`() throws {
    let body = #"{"mode": "enforce", "is_halted": false, "cache": {"entries": 3, "hits": 9}}"#
    let outcome = try Self.run(["status"], answering: body)
    #expect(
      outcome.lines == ["mode: enforce\nis_halted: false\ncache: entries 3, entries_max 0, hits 9, misses 0"])
    #expect(try Self.run(["status"], answering: #"{"detail": "No."}"#, status: 403).status == 1)
  }
}
