import Contracts
import Foundation
import HTTPWire
import JSON
import LocalStack
import Testing

/// A tenant asks for everything that another tenant has, at every address that the gateway forwards.
extension EndToEndTests {
  @Suite(.serialized) struct TenantIsolation {
    private let fixture: StackFixture
    private let other = StackFixture.otherKey

    init() throws { fixture = try StackFixture.shared.get() }

    /// Real objects of the first tenant, made once: what stands for the parameters of the addresses that begin so.
    private static let objects = Result { try TenantIsolation().makeObjects() }

    private func makeObjects() throws -> [(prefix: String, values: [String: String])] {
      let name = "isolated"
      try fixture.put(workflow: name, #"{"key":"s","job_type":"isolated"}"#)
      let (task, run) = try fixture.start(name)
      let lease = try #require(try fixture.lease(name, milliseconds: 5000).first)
      let asks =
        #"{"key":"a","kind":"approval","tool":"t","subject":{"name":"t"}},{"key":"q","kind":"question","tool":"t","subject":{"question":"Which?"}}"#
      try fixture.suspend(lease, asks)
      func first(_ list: String, _ query: String = "") throws -> String {
        try #require(try fixture.json("GET", "/api/v1/\(list)\(query)").root[list]?[0]?["id"]?.string)
      }
      func made(_ path: String, _ body: String, headers: [String: String] = [:]) throws -> String {
        let (status, root) = try fixture.json("POST", "/api/v1/\(path)", body: body, headers: headers)
        try #require(
          [200, 201].contains(status), "\(path): \(status) \(String(decoding: root.rawBytes, as: UTF8.self))")
        return try #require(root["id"]?.string, "\(path)")
      }
      let project = try made("projects", #"{"name":"isolated"}"#)
      let schedule = try made(
        "schedules", #"{"name":"isolated","cron":"0 0 1 1 *","task":{"prompt":"isolated"}}"#)
      let file = try made(
        "artefacts?name=isolated.txt", "isolated", headers: ["Content-Type": "application/octet-stream"])
      let memory = try made("memories", #"{"text":"isolated memory"}"#)
      let source = #""source":"export default 1""#
      _ = fixture.call(
        "POST", "/api/v1/tools",
        body: "{\"manifest\":{\"name\":\"isolated_tool\",\"description\":\"d\",\"runtime\":\"javascript\","
          + "\"parameters\":{\"type\":\"object\"}},\(source)}")
      let server = try made(
        "mcp-servers",
        #"{"name":"isolated","transport":"http","url":"http://127.0.0.1:1/","trust":"pin","headers":{"x-key":"v"}}"#)
      let budget = try made("budgets", #"{"scope":"agent","subject":"isolated","period":"day","tokens":1000000}"#)
      let rate = try made("rate-limits", #"{"scope":"agent","subject":"isolated","requests_per_minute":1000000}"#)
      let key = try made("virtual-keys", #"{"agent":"isolated"}"#)
      #expect(fixture.call("PUT", "/api/v1/limits/agent/isolated", body: #"{"slots":7}"#).status == 200)
      #expect(
        fixture.call(
          "POST", "/v1/chat/completions",
          body: #"{"model":"mock-model","messages":[{"role":"user","content":"isolated"}]}"#
        ).status == 200)
      var call = ""
      try fixture.wait("the call is in the ledger") {
        call = try fixture.json("GET", "/api/v1/calls?limit=1").root["calls"]?[0]?["id"]?.string ?? ""
        return !call.isEmpty
      }
      return [
        ("/api/v1/tasks/", ["id": task]), ("/api/v1/runs/", ["id": run]),
        ("/api/v1/steps/", ["id": lease["step_id"]?.string ?? ""]),
        ("/api/v1/approvals/", ["id": try first("approvals", "?run_id=\(run)")]),
        ("/api/v1/questions/", ["id": try first("questions", "?run_id=\(run)")]),
        ("/api/v1/workflows/", ["name": name, "version": "1"]), ("/api/v1/projects/", ["id": project]),
        ("/api/v1/schedules/", ["id": schedule]), ("/api/v1/artefacts/", ["id": file]),
        ("/api/v1/memories/", ["id": memory]), ("/api/v1/tools/", ["name": "isolated_tool"]),
        ("/api/v1/mcp-servers/", ["id": server, "name": "isolated__look"]), ("/api/v1/budgets/", ["id": budget]),
        ("/api/v1/rate-limits/", ["id": rate]), ("/api/v1/virtual-keys/", ["id": key]),
        ("/api/v1/calls/", ["id": call]), ("/api/v1/limits/", ["scope": "agent", "name": "isolated"]),
      ]
    }

    /// Bodies that are good for the owner.
    private static let bodies: [String: String] = [
      "PATCH /api/v1/tasks/{id}": #"{"title":"stolen"}"#, "PATCH /api/v1/projects/{id}": #"{"name":"stolen"}"#,
      "PATCH /api/v1/schedules/{id}": #"{"is_paused":true}"#, "PATCH /api/v1/mcp-servers/{id}": #"{"enabled":false}"#,
      "PATCH /api/v1/budgets/{id}": #"{"tokens":1}"#, "POST /api/v1/runs/{id}/signals": #"{"name":"s"}"#,
      "POST /api/v1/runs/{id}/fork": #"{"from_step":"s"}"#,
      "POST /api/v1/approvals/{id}/decision": #"{"decision":"approve","subject_sha256":"x"}"#,
      "POST /api/v1/approvals/{id}/outcome": #"{"outcome":"not_done"}"#,
      "POST /api/v1/questions/{id}/answer": #"{"answer":1}"#,
      "POST /api/v1/mcp-servers/{id}/tools/{name}/approve":
        #"{"sha256":"\#(String(repeating: "0", count: 64))"}"#,
      "POST /api/v1/workflows/{name}/compatibility":
        #"{"name":"isolated","steps":[{"key":"s","job_type":"isolated"}]}"#,
    ]

    /// Addresses where a name is the asking tenant's own, whoever else has one of the same name: what they do must not
    /// reach the other tenant. `docs/tenancy.md` lists them.
    private static let ownNames: Set<String> = [
      "PUT /api/v1/workflows/{name}", "PUT /api/v1/limits/{scope}/{name}", "DELETE /api/v1/virtual-keys/{id}",
      "POST /api/v1/workflows/{name}/compatibility",
    ]

    private func path(_ route: RouteSpecification, _ values: [String: String]) -> String {
      route.pattern.split(separator: "/").reduce(into: "") { path, part in
        let name = part.trimmingCharacters(in: CharacterSet(charactersIn: "{}*"))
        path += "/" + (part.hasPrefix("{") ? values[name] ?? "00000000000070008000000000000001" : String(part))
      }
    }

    @Test func `at no address does a tenant find or change what another one has`() throws {
      let objects = try TenantIsolation.objects.get()
      func values(_ route: RouteSpecification) -> [String: String]? {
        objects.first { route.pattern.hasPrefix($0.prefix) }?.values
      }
      let routes = Routes.all.filter { $0.isPublic && $0.pattern.contains("{") }
      let read = routes.filter { $0.method == .get && values($0) != nil && !$0.pattern.hasSuffix("/events") }
      func own() -> [String] {
        read.map { route in
          let answer = fixture.call("GET", path(route, values(route) ?? [:]))
          // Nothing of it is missing, so that a stranger's 404 says something; this step believes nothing.
          #expect(answer.status != 404 || route.pattern.hasSuffix("/belief"), "\(route): \(answer)")
          return "\(route) \(answer.status) \(answer.status == 200 ? answer.text : "")"
        }
      }
      let before = own()
      for route in routes {
        let body = TenantIsolation.bodies["\(route)"] ?? (route.method == .get ? nil : "{}")
        let answer = fixture.call("\(route.method.name)", path(route, values(route) ?? [:]), body: body, key: other)
        switch route.access {
        case .tenant where TenantIsolation.ownNames.contains("\(route)"):
          #expect([200, 201, 204, 400, 404, 422].contains(answer.status), "\(route): \(answer)")
        case .tenant where values(route) != nil: #expect(answer.status == 404, "\(route): \(answer)")
        case .operator: #expect(answer.status == 403, "\(route): \(answer)")
        case .models where !route.pattern.contains("{id}"): break
        default: #expect((400..<500).contains(answer.status), "\(route): \(answer)")
        }
      }
      // Nothing of it is different for its owner.
      for (old, new) in zip(before, own()) { #expect(old == new) }
    }

    @Test func `lists and reports show nothing of another tenant`() throws {
      let ids = Set(try TenantIsolation.objects.get().flatMap(\.values.values)).filter { $0.contains("_") }
      #expect(ids.count > 12)
      let lists = Routes.all.filter {
        // The audit log holds what this tenant itself has asked for, ids of others included.
        $0.isPublic && $0.method == .get && $0.access == .tenant && !$0.pattern.contains("{")
          && !$0.pattern.hasPrefix("/api/v1/audit")
      }
      #expect(lists.count > 15)
      for route in lists {
        for query in ["", "?q=isolated", "?workflow=isolated&limit=100", "?group_by=agent"] {
          let answer = fixture.call("GET", route.pattern + query, key: other)
          #expect(answer.status < 500, "\(route)\(query): \(answer)")
          for id in ids where answer.text.contains(id) { Issue.record("\(route)\(query) shows \(id)") }
        }
      }
    }
  }
}
