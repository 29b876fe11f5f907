import Contracts
import HTTPWire
import JSON
import Policy
import PolicyDecisions
import Postgres
import PostgresTestKit
import Testing

@testable import GatewayPolicyControl

extension PolicyControlTests {
  /// What tenants set for themselves, and operators for them.
  @Suite(.serialized) struct DataTests {
    private static let path = "/api/v1/policy/data"
    private static let ofA = "/operator/v1/tenants/\(PolicyGateway.a)/policy-data"
    private static let audit = "/api/v1/audit"

    private func deny(_ tool: String) -> String { #"{"data": {"tools": {"deny": ["\#(tool)"]}}}"# }

    @Test func `data is stored with versions and heard of by every gateway`() async throws {
      try await PolicyGateway.run([
        (true, .seconds(3600)), (true, .seconds(3600)), (false, .milliseconds(50)),
      ]) { gateways in
        let first = gateways[0]
        let none = try await first.send(.get, Self.path)
        #expect(none.status == 200)
        #expect(none.tag == "")
        #expect(none.root?["version"]?.int == 0)
        #expect(try await first.send(.put, Self.path, deny("a"), ifMatch: "\"1\"").status == 412)
        let made = try await first.send(.put, Self.path, deny("shell"))
        #expect(made.status == 200, "\(made.text)")
        #expect(made.tag == "\"1\"")
        #expect(made.root?["data"]?["tools"]?["deny"]?.elements.map { $0.string } == ["shell"])
        for gateway in gateways {
          try await gateway.eventually("heard") {
            gateway.engine.control.data(of: "\(PolicyGateway.a)")?.document.json == #"{"tools":{"deny":["shell"]}}"#
          }
          #expect(gateway.engine.control.data(of: "\(PolicyGateway.b)") == nil)
        }
        #expect(try await first.send(.put, Self.path, deny("b"), ifMatch: "\"1\"").tag == "\"2\"")
        #expect(try await first.send(.put, Self.path, deny("c"), ifMatch: "\"1\"").status == 412)
        #expect(try await first.send(.put, Self.path, deny("c"), ifMatch: "*").status == 400)
        #expect(try await first.send(.delete, Self.path, ifMatch: "\"1\"").status == 412)
        #expect(try await gateways[1].send(.delete, Self.path, ifMatch: "\"2\"").status == 204)
        for gateway in gateways {
          try await gateway.eventually("gone") { gateway.engine.control.data(of: "\(PolicyGateway.a)") == nil }
        }
        #expect(try await first.send(.get, Self.path).root?["data"]?.count == 0)
        #expect(try await first.send(.delete, Self.path, as: PolicyGateway.otherAdmin).status == 204)
      }
    }

    @Test func `nothing of a tenant stays in memory of any gateway when it is deleted`() async throws {
      try await PolicyGateway.run([(true, .milliseconds(50)), (false, .milliseconds(50))]) { gateways in
        #expect(try await gateways[0].send(.put, Self.path, deny("shell")).status == 200)
        #expect(try await gateways[0].send(.put, Self.path, deny("shell"), as: PolicyGateway.otherAdmin).status == 200)
        for gateway in gateways {
          try await gateway.eventually("heard") {
            gateway.engine.control.data(of: "\(PolicyGateway.a)") != nil
              && gateway.engine.control.data(of: "\(PolicyGateway.b)") != nil
          }
        }
        let cluster = try PolicyCluster.shared.get()
        defer {
          _ = try? cluster.query("delete from tenant_state where tenant_id = '\(PolicyGateway.a.uuid)'; select 1")
        }
        try cluster.query(
          """
          delete from policy_data where tenant_id = '\(PolicyGateway.a.uuid)';
          insert into tenant_state (tenant_id, deletion_requested_at, deleted_at)
          values ('\(PolicyGateway.a.uuid)', now(), now()); select 1
          """)
        for gateway in gateways {
          try await gateway.eventually("forgotten") { gateway.engine.control.data(of: "\(PolicyGateway.a)") == nil }
          #expect(gateway.engine.control.data(of: "\(PolicyGateway.b)") != nil)
        }
      }
    }

    @Test func `a tenant sees and changes its own data alone`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        try await gateway.send(.put, Self.path, deny("of-a"))
        try await gateway.send(.put, Self.path, deny("of-b"), as: PolicyGateway.otherAdmin)
        let a = try await gateway.send(.get, Self.path)
        let b = try await gateway.send(.get, Self.path, as: PolicyGateway.otherAdmin)
        #expect(a.text.contains("of-a") && !a.text.contains("of-b"))
        #expect(b.text.contains("of-b") && !b.text.contains("of-a"))
        // Whoever manages another tenant is no operator.
        for method in [HTTPMethod.get, .put, .delete] {
          let body = method == .put ? deny("x") : nil
          #expect(try await gateway.send(method, Self.ofA, body, as: PolicyGateway.otherAdmin).status == 403)
        }
        // The database holds a statement without a condition to the tenant's rows.
        let cluster = try PolicyCluster.shared.get()
        let scoped = """
          begin; set local role cadre_tenant;
          select set_config('cadre.tenant', '\(PolicyGateway.a.uuid)', true);
          """
        #expect(try cluster.query("\(scoped) select string_agg(document, ',') from policy_data").contains("of-a"))
        #expect(try cluster.query("\(scoped) select count(*)::text from policy_data") == "1")
        #expect(try cluster.query("begin; set local role cadre_tenant; select count(*)::text from policy_data") == "0")
        #expect(throws: (any Error).self) {
          try cluster.query(
            "\(scoped) insert into policy_data (tenant_id, updated_by) values ('\(PolicyGateway.b.uuid)', 'x')")
        }
        #expect(throws: (any Error).self) { try cluster.query("\(scoped) select * from policy_switch") }
      }
    }

    @Test func `data decides, and is for admins with the grant`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        let body = #"{"data": {"http": {"roles": {"audit.read": "owner"}}}}"#
        #expect(try await gateway.send(.get, Self.audit).status == 200)
        #expect(try await gateway.send(.put, Self.path, body).status == 200)
        #expect(try await gateway.send(.get, Self.audit).status == 403)
        #expect(try await gateway.send(.get, Self.audit, as: PolicyGateway.otherAdmin).status == 200)
        let tenant = PolicyGateway.a
        for who in [
          PolicyGateway.member, "\(tenant) operator read,write,admin", "\(tenant) viewer read",
          "\(tenant) admin read,write",
        ] {
          #expect(try await gateway.send(.put, Self.path, body, as: who).status == 403, "\(who)")
          #expect(try await gateway.send(.delete, Self.path, as: who).status == 403, "\(who)")
        }
        #expect(try await gateway.send(.get, Self.path, as: PolicyGateway.member).status == 403)
        #expect(try await gateway.send(.get, "/operator/v1/policy").status == 403)
        #expect(try await gateway.send(.get, Self.path, as: "nobody").status == 401)
        // Without policies too, only they may.
        try await gateway.send(.put, "/operator/v1/policy", #"{"mode": "off"}"#, as: PolicyGateway.operator)
        #expect(try await gateway.send(.put, Self.path, body, as: PolicyGateway.member).code == "role_required")
        let tooLow = "\(tenant) operator read,write,admin"
        #expect(try await gateway.send(.put, Self.path, body, as: tooLow).code == "role_required")
        #expect(try await gateway.send(.put, "/operator/v1/policy", "{}").code == "operator_required")
        #expect(try await gateway.send(.get, Self.ofA).code == "operator_required")
      }
    }

    @Test func `operators suspend a tenant, and it cannot undo that`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        #expect(try await gateway.send(.put, Self.path, #"{"data": {}, "status": "active"}"#).status == 422)
        let suspended = try await gateway.send(
          .put, Self.ofA, #"{"data": {"tools": {"deny": ["x"]}}, "status": "suspended"}"#,
          as: PolicyGateway.operator)
        #expect(suspended.root?["status"]?.string == "suspended")
        #expect(try await gateway.send(.get, Self.audit).status == 403)
        // In a dry run its admin can change its data, and stays suspended.
        try await gateway.send(.put, "/operator/v1/policy", #"{"mode": "dry_run"}"#, as: PolicyGateway.operator)
        #expect(try await gateway.send(.put, Self.path, #"{"data": {}}"#).root?["status"]?.string == "suspended")
        #expect(try await gateway.send(.delete, Self.path).status == 204)
        #expect(
          gateway.engine.control.data(of: "\(PolicyGateway.a)")?.document.json == #"{"status":"suspended"}"#)
        #expect(try await gateway.send(.delete, Self.ofA, as: PolicyGateway.operator).status == 204)
        #expect(gateway.engine.control.data(of: "\(PolicyGateway.a)") == nil)
        let unknown = "/operator/v1/tenants/tenant_00000000000000000000000000000009/policy-data"
        #expect(try await gateway.send(.get, unknown, as: PolicyGateway.operator).status == 404)
        #expect(try await gateway.send(.put, unknown, deny("x"), as: PolicyGateway.operator).status == 404)
        #expect(
          try await gateway.send(.get, "/operator/v1/tenants/x/policy-data", as: PolicyGateway.operator).status == 404)
      }
    }

    @Test func `hostile documents are refused, and rows that nobody can read deny`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        for body in [
          "{}", "[]", #"{"data": 1}"#, #"{"data": {"status": "active"}}"#, #"{"data": {}, "more": 1}"#,
          #"{"data": {"tools": {"deny": [null]}}}"#, #"{"data": {"http": {"roles": {"policy.write": "member"}}}}"#,
        ] {
          let answer = try await gateway.send(.put, Self.path, body)
          #expect(answer.status == 422, "\(body): \(answer.text)")
        }
        let deep = #"{"data": "# + String(repeating: "[", count: 20_000) + "}"
        #expect(try await gateway.send(.put, Self.path, deep).status == 400)
        let large = #"{"data": {}}"# + String(repeating: " ", count: 90_000)
        #expect(try await gateway.send(.put, Self.path, large).status == 413)
        #expect(try await gateway.send(.get, Self.path).root?["version"]?.int == 0)
        try PolicyCluster.shared.get().query(
          """
          insert into policy_data (tenant_id, document, updated_by) values ('\(PolicyGateway.a.uuid)', 'no', 'x');
          select 1
          """)
        try await gateway.eventually("denied") { try await gateway.send(.get, Self.audit).status == 403 }
      }
    }

    @Test func `decisions are explained with the data of the caller's tenant`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        let explain = "/api/v1/policy/explain"
        try await gateway.send(.put, Self.path, deny("secret-of-a"))
        let http = try await gateway.send(
          .post, explain, #"{"method": "POST", "path": "/api/v1/tasks?x=1", "role": "viewer"}"#)
        #expect(http.status == 200, "\(http.text)")
        #expect(http.root?["mode"]?.string == "enforce")
        #expect(http.root?["explanation"]?["effect"]?.string == "deny")
        #expect(http.root?["explanation"]?["rule"]?.string == "role")
        #expect((http.root?["explanation"]?["lines"]?.count ?? 0) > 3)
        let own = try await gateway.send(.post, explain, #"{"method": "GET", "path": "/v1/models/a/b"}"#)
        #expect(own.root?["explanation"]?["rule"]?.string == "grant")
        // Whatever the input says of the tenant, it is that of the caller.
        func tools(_ tenant: TenantID) -> String {
          """
          {"decision": "tools", "input": {"subject": {"id": "u", "role": "owner", "tenant": "\(tenant)"},
            "action": {"tool": "secret-of-a", "source": "built_in", "risk": "read", "arguments": {}, "labels": {}}}}
          """
        }
        let mine = try await gateway.send(.post, explain, tools(PolicyGateway.b))
        #expect(mine.root?["explanation"]?["rule"]?.string == "tool_denied", "\(mine.text.prefix(300))")
        let other = try await gateway.send(.post, explain, tools(PolicyGateway.a), as: PolicyGateway.otherAdmin)
        #expect(other.root?["explanation"]?["effect"]?.string == "allow", "\(other.text.prefix(300))")
        for body in [
          "{}", #"{"method": "GET"}"#, #"{"method": "GET", "path": "/nowhere"}"#, #"{"method": "", "path": "/"}"#,
          #"{"method": "GET", "path": "/worker/v1/leases"}"#, #"{"decision": "sessions", "input": {}}"#,
          #"{"decision": "tools", "input": 1}"#, #"{"decision": "tools"}"#,
          #"{"method": "GET", "path": "/api/v1/tasks", "role": "root"}"#,
          #"{"method": "GET", "path": "/api/v1/tasks", "grants": ["all"]}"#,
        ] {
          #expect(try await gateway.send(.post, explain, body).status == 422, "\(body)")
        }
        let deep =
          #"{"decision": "tools", "input": "# + String(repeating: "[", count: 40)
          + String(repeating: "]", count: 40) + "}"
        #expect(try await gateway.send(.post, explain, deep).status == 400)
        let question = #"{"method": "GET", "path": "/api/v1/tasks"}"#
        #expect(try await gateway.send(.post, explain, question, as: PolicyGateway.member).status == 403)
      }
    }
  }
}
