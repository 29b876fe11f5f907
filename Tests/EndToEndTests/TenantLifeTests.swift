import Contracts
import Foundation
import JSON
import LocalStack
import Process
import SystemSources
import Testing

/// The suspension, export and deletion of a tenant, with the real services.
extension EndToEndTests {
  @Suite(.serialized) struct TenantLife {
    private let fixture: StackFixture
    private let tenant = TenantID.make().description

    init() throws { fixture = try StackFixture.shared.get() }

    /// A call as the gateway makes it: of the tenant, or of an operator.
    private func call(
      _ method: String, _ path: String, _ body: String? = nil, scopes: Scopes = [.api, .models],
      at service: Audience = .orchestrator
    ) throws -> (status: Int, text: String) {
      fixture.call(
        method, path, body: body, headers: try fixture.gatewayHeaders(scopes, tenant: tenant, to: service),
        service: service.rawValue)
    }

    /// A call about the tenant, of an operator.
    private func manage(_ method: String, _ more: String = "", at service: Audience) throws -> (
      status: Int, text: String
    ) {
      fixture.call(
        method, TenantPath.of(service, tenant: tenant) + more, body: method == "POST" ? "" : nil,
        headers: try fixture.gatewayHeaders([.operator], to: service), service: service.rawValue)
    }

    private func start(_ workflow: String) throws -> String {
      let body = "{\"name\":\"\(workflow)\",\"steps\":[{\"key\":\"a\",\"job_type\":\"\(workflow)\"}]}"
      let put = try call("PUT", "/api/v1/workflows/\(workflow)", body)
      try #require([200, 201].contains(put.status), "\(put)")
      let started = try call("POST", "/api/v1/tasks", "{\"workflow\":\"\(workflow)\",\"input\":{}}")
      try #require(started.status == 202, "\(started)")
      return try #require(try JSONDocument(parsing: started.text).root["run"]?["id"]?.string)
    }

    @Test func `no step of a suspended tenant begins, on no replica, until it is resumed`() throws {
      #expect(try manage("POST", TenantPath.suspend, at: .orchestrator).status == 200)
      // A worker waits: nothing goes to it past the queue either.
      let run = try start("suspended-steps")
      for port in fixture.stack.ports(of: "orchestrator") {
        #expect(try fixture.lease("suspended-steps", milliseconds: 300, port: port).isEmpty)
      }
      // Beside it, others go on.
      try fixture.put(workflow: "beside", #"{"key":"a","job_type":"suspended-steps"}"#)
      let own = try fixture.start("beside").run
      let lease = try #require(try fixture.lease("suspended-steps", milliseconds: 5000).first)
      #expect(lease["run_id"]?.string == own)
      #expect(try fixture.deliver(lease) == 200)
      try fixture.crash("orchestrator")
      #expect(try fixture.lease("suspended-steps", milliseconds: 300).isEmpty)
      #expect(try manage("POST", TenantPath.resume, at: .orchestrator).status == 200)
      var resumed: JSONView?
      try fixture.wait("the step goes on") {
        resumed = try fixture.lease("suspended-steps", milliseconds: 1000).first
        return resumed != nil
      }
      #expect(resumed?["run_id"]?.string == run)
      if let resumed { try fixture.deliver(resumed) }
    }

    @Test func `an export has all, and nothing is left of what is deleted, whatever comes late`() throws {
      let run = try start("leaving")
      let lease = try #require(try fixture.lease("leaving", milliseconds: 5000).first)
      #expect(try call("POST", "/api/v1/projects", #"{"name":"leaving project"}"#).status == 201)
      #expect(
        try call("POST", "/api/v1/budgets", #"{"scope":"tenant","period":"day","tokens":1000000}"#, at: .router).status
          == 201)
      let rate = #"{"scope":"tenant","requests_per_minute":100000}"#
      #expect(try call("POST", "/api/v1/rate-limits", rate, at: .router).status == 201)
      func chat(_ number: Int) -> String {
        "{\"model\":\"mock-model\",\"temperature\":0,\"messages\":[{\"role\":\"user\",\"content\":\"leaving \(number)\"}]}"
      }
      var calls = 0
      // A limit and a budget hold from the moment at which every replica has read them.
      try fixture.wait("keys of every kind are there") {
        // Each is a new one: what the cache answers is held against no budget.
        calls += 1
        #expect(try call("POST", "/v1/chat/completions", chat(calls), at: .router).status == 200)
        return try ["budget:", "rate:", "cache:"].allSatisfy { kind in
          try fixture.redisKeys().contains { $0.hasPrefix(kind) && $0.contains(tenant) }
        }
      }
      // Every key of the router has a tenant, or belongs to the installation.
      for key in try fixture.redisKeys() where ["budget:", "rate:", "cache:"].contains(where: { key.hasPrefix($0) }) {
        #expect(key.contains("tenant_") || key == "budget:epoch" || key.hasPrefix("rate:{model:"), "\(key)")
      }
      for service in [Audience.orchestrator, .router] {
        #expect(try call("GET", TenantPath.of(service, tenant: tenant), at: service).status == 403, "no operator")
        try fixture.wait("rows are there") { try total(service) > 1 }
        let export = try manage("GET", TenantPath.export, at: service)
        let lines = export.text.split(separator: "\n")
        #expect(export.status == 200 && lines.last == #"{"end":true}"#)
        #expect(lines.allSatisfy { (try? JSONDocument(parsing: String($0))) != nil })
        if service == .orchestrator { #expect(export.text.contains("leaving project")) }
        // From the last cursor on there is less.
        let cursors = lines.compactMap { (try? JSONDocument(parsing: String($0)))?.root["cursor"]?.string }
        let cursor = try #require(cursors.last)
        let rest = try manage("GET", TenantPath.export + "?cursor=\(cursor)", at: service)
        #expect(rest.status == 200 && rest.text.utf8.count < export.text.utf8.count)
        #expect(try manage("DELETE", at: service).status == 202)
        try fixture.wait("\(service) has nothing left") {
          try JSONDocument(parsing: try manage("GET", at: service).text).root["deleted_at"]?.string != nil
        }
        #expect(try total(service) == 0)
        if service == .router { #expect(try !fixture.redisKeys().contains { $0.contains(tenant) }) }
      }
      // What was on its way: a worker's result, a new task, a model call.
      #expect(try fixture.deliver(lease) != 200)
      #expect(try call("POST", "/api/v1/tasks", #"{"prompt":"late"}"#).status >= 400)
      #expect(try call("POST", "/api/v1/projects", #"{"name":"late"}"#).status == 409)
      for port in fixture.stack.ports(of: "llm-router") {
        try fixture.wait("the replica knows") {
          let headers = try fixture.gatewayHeaders([.models], tenant: tenant, to: .router)
          let late = BlockingHTTP.send(
            "POST", port: port, path: "/v1/chat/completions", headers: headers, body: chat(0), seconds: 30)
          return late?.status == 403 && late?.body.contains("tenant_deleted") == true
        }
      }
      #expect(try call("GET", "/api/v1/runs/\(run)").status == 404)
      // The ledger of calls is flushed within this time.
      Thread.sleep(forTimeInterval: 1)
      for table in ["run", "task", "payload", "lease", "ready", "project", "idempotency"] {
        #expect(try fixture.rows("orchestrator.\(table)", tenant) == "0", "\(table)")
      }
      for table in ["call", "usage_pending", "usage_sum", "budget"] {
        #expect(try fixture.rows("llm_router.\(table)", tenant) == "0", "\(table)")
      }
      #expect(try manage("POST", TenantPath.resume, at: .router).status == 409)
      // What a replica kept before it knew goes with the next look.
      _ = try fixture.stack.postgres.query("update llm_router.tenant_state set checked_at = now() - interval '1 hour'")
      try fixture.wait("nothing is in Redis") { try !fixture.redisKeys().contains { $0.contains(tenant) } }
      #expect(try total(.router) == 0 && total(.orchestrator) == 0)
    }

    private func total(_ service: Audience) throws -> Int64 {
      try JSONDocument(parsing: try manage("GET", at: service).text).root["total"]?.int ?? -1
    }
  }
}

extension StackFixture {
  /// All keys in Redis.
  fileprivate func redisKeys() throws -> [String] {
    let walk = try ChildProcess.run(
      ProcessSpecification("/usr/bin/redis-cli", ["-s", stack.redisSocket, "--scan"], folder: "/"))
    return walk.output.split(separator: "\n").map(String.init)
  }

  /// How many rows of a tenant a table has.
  fileprivate func rows(_ table: String, _ tenant: String) throws -> String {
    let id = try #require(TenantID(tenant)).uuid
    return try stack.postgres.query("select count(*) from \(table) where tenant_id = '\(id)'")
  }
}
