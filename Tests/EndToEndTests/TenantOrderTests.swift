import Contracts
import Foundation
import JSON
import LocalStack
import Process
import Testing

/// The life of a tenant as an operator asks for it: at the gateway, whose orders the services follow.
extension EndToEndTests {
  @Suite(.serialized) struct TenantOrderTests {
    private let fixture: StackFixture
    private let model = #"{"model":"mock-model","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}"#

    init() throws { fixture = try StackFixture.shared.get() }

    /// A tenant with an owner: its id and the key of the owner.
    private func tenant(_ email: String) throws -> (id: String, key: String) {
      let made = try fixture.json(
        "POST", "/operator/v1/tenants", body: "{\"name\":\"life\",\"owner_email\":\"\(email)\"}")
      try #require(made.status == 201, "\(made)")
      let token = try #require(made.root["invitation"]?["token"]?.string)
      let accepted = try fixture.json(
        "POST", "/api/v1/invitations/accept",
        body: "{\"token\":\"\(token)\",\"password\":\"a long pass phrase 17\",\"key\":{\"name\":\"first\"}}")
      try #require(accepted.status == 201, "\(accepted)")
      return (
        try #require(made.root["id"]?.string), try #require(accepted.root["key"]?.string)
      )
    }

    private func act(_ tenant: String, _ method: String, _ word: String = "") throws -> (status: Int, root: JSONView) {
      try fixture.json(method, "/operator/v1/tenants/\(tenant)\(word)", body: method == "POST" ? "" : nil)
    }

    private func isConfirmed(_ tenant: String) throws -> Bool {
      try act(tenant, "GET").root["confirmed"]?.bool ?? false
    }

    /// What each llm-router answers to a virtual key, at the addresses of both dialects.
    private func answers(_ key: String) -> [(status: Int, text: String)] {
      fixture.stack.ports(of: "llm-router").flatMap { port in
        ["/v1/chat/completions", "/v1/messages"].map { path in
          let answer = BlockingHTTP.send(
            "POST", port: port, path: path, headers: ["x-api-key": key], body: model, seconds: 30)
          return (answer?.status ?? 0, answer?.body ?? "")
        }
      }
    }

    @Test
    func `a suspension at the gateway stops steps and virtual keys on every replica, until the tenant is resumed`()
      throws
    {
      let (tenant, key) = try tenant("suspended@example.com")
      let made = try fixture.json("POST", "/api/v1/virtual-keys", body: #"{"agent":"a"}"#, key: key)
      let virtual = try #require(made.root["key"]?.string, "\(made)")
      for answer in answers(virtual) { #expect(answer.status == 200, "\(answer)") }
      let workflow = "{\"name\":\"ordered\",\"steps\":[{\"key\":\"a\",\"job_type\":\"ordered\"}]}"
      #expect(
        try [200, 201].contains(fixture.json("PUT", "/api/v1/workflows/ordered", body: workflow, key: key).status))
      let suspended = try act(tenant, "POST", "/suspend")
      #expect(suspended.status == 200 && suspended.root["confirmed"]?.bool == true, "\(suspended)")
      let state = fixture.stack.postgres
      #expect(
        try state.query("select count(*) from orchestrator.tenant_state where suspended_at is not null and version = 2")
          == "1")
      try fixture.wait("every llm-router refuses the virtual key") {
        answers(virtual).allSatisfy {
          $0.status == 403 && ($0.text.contains("tenant_not_active") || $0.text.contains("permission_error"))
        }
      }
      let through = fixture.call(
        "POST", "/v1/messages", body: model, headers: ["anthropic-version": "2023-06-01"], key: virtual)
      #expect(through.status == 403 && through.text.contains("permission_error"), "\(through)")
      try fixture.wait("every gateway refuses the key") {
        fixture.stack.ports(of: "gateway").allSatisfy { port in
          BlockingHTTP.send(
            "GET", port: port, path: "/api/v1/tasks", headers: ["Authorization": "Bearer \(key)"], body: nil,
            seconds: 30)?
            .status == 403
        }
      }
      #expect(try act(tenant, "POST", "/resume").root["confirmed"]?.bool == true)
      try fixture.wait("the key is good again") {
        answers(virtual).allSatisfy { $0.status == 200 } && fixture.call("GET", "/api/v1/tasks", key: key).status == 200
      }
      // A step that waits when its tenant is suspended waits on.
      #expect(
        fixture.call("POST", "/api/v1/tasks", body: #"{"workflow":"ordered","input":{}}"#, key: key).status == 202)
      #expect(try act(tenant, "POST", "/suspend").root["confirmed"]?.bool == true)
      for port in fixture.stack.ports(of: "orchestrator") {
        #expect(try fixture.lease("ordered", milliseconds: 300, port: port).isEmpty)
      }
      #expect(try act(tenant, "POST", "/resume").root["confirmed"]?.bool == true)
      try fixture.wait("the step goes on") {
        let leases = try fixture.lease("ordered", milliseconds: 1000)
        for lease in leases { try fixture.deliver(lease) }
        return !leases.isEmpty
      }
    }

    /// What a stream that its provider never ends comes to, at each llm-router and through each gateway.
    private func endless(_ key: String, _ number: Int) -> [Background<String>] {
      let messages = "[{\"role\":\"user\",\"content\":\"never end \(number)\"}]"
      let body = "{\"model\":\"mock-model\",\"stream\":true,\"messages\":\(messages)}"
      return (fixture.stack.ports(of: "llm-router") + fixture.stack.ports(of: "gateway")).map { port in
        Background {
          BlockingHTTP.send(
            "POST", port: port, path: "/v1/chat/completions", headers: ["Authorization": "Bearer \(key)"], body: body,
            seconds: Int(StackFixture.patienceSeconds))?.body ?? ""
        }
      }
    }

    /// How many streams the llm-routers send.
    private func streams() -> Int {
      fixture.stack.replicas(of: "llm-router").reduce(0) { sum, replica in
        let port = fixture.stack.adminPort(of: replica.name)
        let text = BlockingHTTP.send(port: port, path: "/metrics", seconds: 30)?.body ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("cadre_model_streams ") }
        return sum + (line.flatMap { Double($0.split(separator: " ")[1]) }.map { Int($0) } ?? 0)
      }
    }

    @Test func `streams of a virtual key end on every replica when it is revoked and when its tenant is suspended`()
      throws
    {
      let (tenant, key) = try tenant("streams@example.com")
      let before = streams()
      for (number, code) in ["revoked_api_key", "tenant_not_active"].enumerated() {
        let made = try fixture.json("POST", "/api/v1/virtual-keys", body: #"{"agent":"a"}"#, key: key)
        let (virtual, id) = (
          try #require(made.root["key"]?.string, "\(made)"), try #require(made.root["id"]?.string)
        )
        let open = endless(virtual, number)
        try fixture.wait("all streams have begun") { streams() == before + open.count }
        if number == 0 {
          #expect(fixture.call("DELETE", "/api/v1/virtual-keys/\(id)", key: key).status == 204)
        } else {
          #expect(try act(tenant, "POST", "/suspend").status == 200)
        }
        for stream in open {
          let text = try stream.value()
          #expect(text.contains("one") && text.contains(code) && !text.contains("[DONE]"), "\(text)")
        }
        // What had come until then is charged.
        let ledger = "from llm_router.call where tenant_id = '\(try uuid(tenant))' and outcome = '\(code)'"
        try fixture.wait("the ledger has all of them") {
          try fixture.stack.postgres.query("select count(*) \(ledger) and charged_tokens > 0") == "\(open.count)"
        }
      }
      try fixture.wait("no stream is left") { streams() <= before }
    }

    @Test func `an order survives a service that is away and a gateway that ends`() throws {
      let (tenant, _) = try tenant("away@example.com")
      let routers = fixture.stack.replicas(of: "llm-router")
      for replica in routers { kill(replica.process.processID, SIGKILL) }
      for replica in routers { _ = replica.process.wait(seconds: 5) }
      let suspended = try act(tenant, "POST", "/suspend")
      #expect(suspended.status == 200 && suspended.root["confirmed"]?.bool == false, "\(suspended)")
      #expect(suspended.root["state"]?.string == "suspended")
      try fixture.crash("gateway")
      #expect(try !isConfirmed(tenant))
      for replica in routers { try fixture.stack.launch(replica.name) }
      for replica in fixture.stack.replicas(of: "llm-router") { try fixture.stack.waitUntilReady(replica) }
      try fixture.wait("the llm-router has followed") { try isConfirmed(tenant) }
      #expect(
        try fixture.stack.postgres.query(
          "select suspended_at is not null from llm_router.tenant_state where tenant_id = '\(uuid(tenant))'") == "t")
    }

    private func uuid(_ tenant: String) throws -> String { "\(try #require(TenantID(tenant)).uuid)" }

    @Test func `an export has the gateway's rows without secrets, and nothing is left anywhere of a deleted tenant`()
      throws
    {
      let (tenant, key) = try tenant("gone@example.com")
      #expect(fixture.call("POST", "/api/v1/projects", body: #"{"name":"going"}"#, key: key).status == 201)
      #expect(
        fixture.call(
          "POST", "/api/v1/service-accounts", body: #"{"name":"ci"}"#, headers: ["Idempotency-Key": "k1"], key: key
        )
        .status == 201)
      #expect(
        fixture.call(
          "POST", "/auth/v1/sign-in", body: #"{"email":"gone@example.com","password":"a long pass phrase 17"}"#
        ).status == 200)
      try fixture.wait("there are keys in Redis") { try redisKeys(tenant) > 0 }
      let export = fixture.call("GET", "/operator/v1/tenants/\(tenant)/export")
      #expect(export.status == 200 && export.text.contains(#"{"service":"gateway","table":"user_account","row":{"#))
      #expect(export.text.contains(#"{"service":"orchestrator","table":"project""#))
      #expect(export.text.contains("gone@example.com") && export.text.contains("audit_entry"))
      for secret in ["password_hash", "second_factor", "hash_secret", "$scrypt", "argon2"] {
        #expect(!export.text.contains(secret), "\(secret)")
      }
      #expect(export.text.split(separator: "\n").filter { $0 == #"{"end":true}"# }.count == 3)

      #expect(try act(tenant, "DELETE").status == 202)
      try fixture.crash("gateway")
      try fixture.wait("nothing is left") { try act(tenant, "GET").root["state"]?.string == "deleted" }
      let ended = try act(tenant, "GET").root
      let services = try #require(ended["services"]).elements
      #expect(Set(services.compactMap { $0["service"]?.string }) == ["gateway", "orchestrator", "llm-router"])
      for service in services {
        #expect(
          service["total"]?.int == 0 && service["deleted_at"]?.string != nil, "\(service["service"]?.string ?? "")")
      }
      let id = try uuid(tenant)
      let tables = try fixture.stack.postgres.query(
        """
        select c.table_schema || '.' || c.table_name from information_schema.columns c
        join information_schema.tables t using (table_schema, table_name)
        where c.column_name = 'tenant_id' and t.table_type = 'BASE TABLE'
        """
      ).split(separator: "\n").filter { !$0.hasSuffix(".tenant_state") && !$0.hasPrefix("gateway.tenant") }
      #expect(tables.count > 40)
      for table in tables {
        let left = try fixture.stack.postgres.query("select count(*) from \(table) where tenant_id = '\(id)'")
        #expect(left == "0", "\(table)")
      }
      #expect(try redisKeys(tenant) == 0)
      let noted = try fixture.json("GET", "/operator/v1/audit?request=\(id)").root
      let kinds = noted["entries"]?.elements.compactMap { $0["kind"]?.string }
      #expect(kinds == ["outcome", "request"], "\(String(describing: kinds))")
      // The address and the name are free again.
      _ = try self.tenant("gone@example.com")
    }

    private func redisKeys(_ tenant: String) throws -> Int {
      let walk = try ChildProcess.run(
        ProcessSpecification(
          "/usr/bin/redis-cli", ["-s", fixture.stack.redisSocket, "--scan", "--pattern", "*\(tenant)*"], folder: "/"))
      return walk.output.split(separator: "\n").count
    }
  }
}
