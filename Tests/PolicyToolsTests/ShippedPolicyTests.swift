import Contracts
import Foundation
import HTTPWire
import JSON
import Policy
import Testing

@testable import PolicyTools

/// The policies of the repository: every route has a rule, every worked case of the document holds.
@Suite("Shipped policies")
struct ShippedPolicyTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  private func sources() throws -> PolicySources { try PolicyFolder.read([ShippedPolicyTests.root + "/policies"]) }

  /// A decision, with the data of tenants.
  private func decision(
    _ program: PolicyProgram, _ data: RegoValue, _ path: [String], _ input: RegoValue
  ) throws -> (effect: String, rule: String, json: String) {
    let value = try #require(try program.document(at: path, input: input, data: data, now: 0))
    guard case .object(let object) = value else { throw PolicySourceError("\(path) is no object") }
    return (object["effect"]?.string ?? "", object["rule"]?.string ?? "", value.json)
  }

  private func input(_ json: String) throws -> RegoValue { RegoValue(try JSONDocument(parsing: json).root) }

  @Test func `every declared route has exactly one rule`() throws {
    let sources = try sources()
    let program = try PolicyProgram(sources.texts(withTests: false))
    // Members of a JSON object are never repeated, so a rule that is there is the only one.
    for route in Routes.all + [Routes.mcp] {
      let made = try input(
        """
        {"subject":{"id":"user_1","kind":"api_key","role":"owner","tenant":"t","is_operator":true,\
        "grants":["read","write","models","approve","admin","operator"]},\
        "action":{"method":"\(route.method.name)","route":"\(route.pattern)"}}
        """)
      let decision = try decision(program, sources.data, ["cadre", "http", "decision"], made)
      #expect(decision.rule != "unknown_route", "policies/data/routes.json lacks \(route.method.name) \(route.pattern)")
      #expect(decision.effect == (route.isPublic ? "allow" : "deny"), "\(route.method.name) \(route.pattern)")
    }
  }

  @Test func `the access of a route and of its permission are the same`() throws {
    let sources = try sources()
    let program = try PolicyProgram(sources.texts(withTests: false))
    for route in Routes.all + [Routes.mcp] {
      let found = try program.answers(
        to: """
          x = data.cadre.config.permissions[data.cadre.config.routes["\(route.pattern)"]["\(route.method.name)"]].access
          """, input: nil, data: sources.data)
      let wanted =
        switch route.access {
        case .operator where !route.isPublic: "internal"
        case .tenant: "tenant"
        case .models: "models"
        case .operator: "operator"
        case .worker, .step: "internal"
        case .anonymous: "anonymous"
        }
      #expect(found.first?.bindings["x"]?.string == wanted, "\(route.method.name) \(route.pattern)")
    }
  }

  @Test func `routes that nobody has declared are denied`() throws {
    let sources = try sources()
    let program = try PolicyProgram(sources.texts(withTests: false))
    for (method, route) in [
      ("GET", "/"), ("GET", "/api/v1/tasks/"), ("TRACE", "/api/v1/tasks"), ("get", "/api/v1/tasks"),
    ] {
      let made = try input(
        #"{"subject":{"kind":"api_key","role":"owner"},"action":{"method":"\#(method)","route":"\#(route)"}}"#)
      #expect(try decision(program, sources.data, ["cadre", "http", "decision"], made).rule == "unknown_route")
    }
  }

  @Test func `the tests of the policies pass and reach everything`() throws {
    let run = try PolicyTestRun.run(try sources(), now: 0) { 0 }
    #expect(run.results.filter { $0.outcome != .passed }.map(\.test.name) == [])
    #expect(run.results.count > 50)
    #expect(run.coverage.files.flatMap(\.missing).isEmpty)
    #expect(run.coverage.total.perMille == 1000)
  }

  @Test func `the policies have the canonical form`() throws {
    for module in try sources().modules {
      #expect(try PolicyFormatter.format(module.text, file: module.file) == module.text, "\(module.file)")
    }
  }

  @Test func `the worked cases of the document hold`() throws {
    let text = try String(contentsOfFile: ShippedPolicyTests.root + "/docs/policies.md", encoding: .utf8)
    let blocks = text.components(separatedBy: "```json case\n").dropFirst().compactMap {
      $0.components(separatedBy: "```").first
    }
    #expect(blocks.count >= 8)
    for block in blocks {
      let root = try JSONDocument(parsing: block).root
      var sources = try sources()
      if let tenants = root["tenants"] {
        try sources.add(Array(#"{"tenants":\#(RegoValue(tenants).json)}"#.utf8), at: [], from: "case")
      }
      let program = try PolicyProgram(sources.texts(withTests: false))
      let path = try #require(root["path"]?.string).split(separator: "/").map(String.init)
      let made = try decision(program, sources.data, path, RegoValue(try #require(root["input"])))
      #expect(made.json == RegoValue(try #require(root["decision"])).json, "\(block)")
      // The same when the data of the tenant are brought along, as to an OPA server.
      guard let tenants = root["tenants"], case .object(var input) = RegoValue(try #require(root["input"])) else {
        continue
      }
      input.set(.string("tenants"), RegoValue(tenants))
      let plain = try self.sources()
      let brought = try decision(program, plain.data, ["cadre", "with_data", path[1]], .object(input))
      #expect(brought.json == made.json, "\(block)")
    }
  }

  @Test func `a decision takes few steps`() throws {
    // What bounds the time of a decision; far below the limit of the engine.
    let sources = try sources()
    let program = try PolicyProgram(sources.texts(withTests: false))
    var limits = EvaluationLimits()
    limits.stepsMax = 2000
    let made = try input(
      #"{"subject":{"kind":"api_key","role":"member","grants":["write"]},"action":{"method":"POST","route":"/api/v1/tasks"}}"#
    )
    #expect(
      try program.document(
        at: ["cadre", "http", "decision"], input: made, data: sources.data, now: 0, limits: limits) != nil)
  }
}
