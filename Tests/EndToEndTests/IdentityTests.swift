import Contracts
import Foundation
import JSON
import LocalStack
import Primitives
import Process
import SystemSources
import Testing

/// Nobody is believed without a signature, and nobody can do more than what was signed for.
extension EndToEndTests {
  @Suite(.serialized) struct IdentityTests {
    private let fixture: StackFixture
    private let plain = [
      "X-Cadre-Tenant": StackFixture.tenant, "X-Cadre-Principal": "key:local", "X-Cadre-Operator": "1",
      "X-Cadre-Internal-Token": "anything",
    ]
    private let model = #"{"model":"mock-model","messages":[{"role":"user","content":"hello"}]}"#

    init() throws { fixture = try StackFixture.shared.get() }

    private func call(
      _ method: String, _ path: String, _ headers: [String: String], body: String? = nil, at service: String
    ) -> (status: Int, text: String) {
      fixture.call(method, path, body: body, headers: headers, service: service)
    }

    /// A lease of a workflow of one step.
    private func lease(_ workflow: String) throws -> (run: String, lease: JSONView) {
      try fixture.put(workflow: workflow, "{\"key\":\"a\",\"job_type\":\"\(workflow)\",\"agent\":\"spy\"}")
      let (_, run) = try fixture.start(workflow)
      return (run, try #require(try fixture.lease(workflow).first))
    }

    private func result(_ lease: JSONView) -> (path: String, body: String) {
      (
        "/worker/v1/steps/\(lease["step_id"]?.string ?? "")/result",
        "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":1,\"output\":{}}"
      )
    }

    @Test func `plain headers say nothing`() throws {
      for (method, path, service) in [
        ("GET", "/api/v1/tasks", "orchestrator"), ("GET", "/operator/v1/weights", "orchestrator"),
        ("GET", "/api/v1/usage", "llm-router"), ("GET", "/api/v1/providers", "llm-router"),
        ("POST", "/v1/chat/completions", "llm-router"), ("POST", "/worker/v1/leases", "orchestrator"),
        ("POST", "/worker/v1/results", "orchestrator"),
        ("POST", "/worker/v1/steps/step_00000000000070008000000000000001/journal", "orchestrator"),
      ] {
        let answer = call(method, path, plain, body: method == "POST" ? model : nil, at: service)
        #expect(answer.status == 401, "\(path): \(answer)")
      }
      // Nor do they change who an assertion is about.
      let own = try fixture.gatewayHeaders([.api], tenant: StackFixture.otherTenant)
      let (status, text) = call("GET", "/api/v1/tasks", own.merging(plain) { $1 }, at: "orchestrator")
      #expect(status == 200)
      #expect(try JSONDocument(parsing: text).root["tasks"]?.count == 0)
      #expect(call("GET", "/operator/v1/weights", own.merging(plain) { $1 }, at: "orchestrator").status == 403)
    }

    @Test func `an assertion opens one service, for its scopes, for its time`() throws {
      let orchestrator = try fixture.gatewayHeaders([.api])
      #expect(call("GET", "/api/v1/tasks", orchestrator, at: "orchestrator").status == 200)
      #expect(call("GET", "/operator/v1/weights", orchestrator, at: "orchestrator").status == 403)
      #expect(call("GET", "/api/v1/usage", orchestrator, at: "llm-router").status == 401)
      let router = try fixture.gatewayHeaders([.api], to: .router)
      #expect(call("GET", "/api/v1/usage", router, at: "llm-router").status == 200)
      #expect(call("POST", "/v1/chat/completions", router, body: model, at: "llm-router").status == 403)
      #expect(call("GET", "/api/v1/providers", router, at: "llm-router").status == 403)
      // An hour ago.
      let keys = try SigningKeys(issuer: .gateway, setting: fixture.stack.keys.list(.gateway), named: "gateway")
      let caller = Caller(
        issuer: .gateway, tenant: try #require(TenantID(StackFixture.tenant)), principal: "test", scopes: [.api])
      let old = CallerAssertions(AssertionSigner(keys)).text(
        for: caller, to: .orchestrator, now: WallClock.now() + .seconds(-3600))
      let answer = call("GET", "/api/v1/tasks", ["X-Cadre-Assertion": old], at: "orchestrator")
      #expect(answer.status == 401 && answer.text.contains("assertion_expired"))
    }

    @Test func `the gateway passes on no assertion of its callers`() throws {
      let forged = try fixture.gatewayHeaders(tenant: StackFixture.otherTenant)
      let (_, root) = try fixture.submit("mine alone", wait: 20)
      let task = root["id"]?.string ?? ""
      #expect(fixture.call("GET", "/api/v1/tasks/\(task)", headers: forged).status == 200)
      #expect(
        fixture.call("GET", "/api/v1/tasks/\(task)", headers: try fixture.gatewayHeaders(), key: StackFixture.otherKey)
          .status == 404)
      #expect(fixture.call("GET", "/api/v1/tasks", headers: forged.merging(["Authorization": ""]) { $1 }).status == 401)
    }

    @Test func `a worker acts for the step that it holds, and for nothing else`() throws {
      let (run, mine) = try lease("spied")
      let (otherRun, other) = try lease("spied-other")
      let headers = fixture.stepHeaders(mine)
      // Another step, with its own fencing token.
      let (path, body) = result(other)
      let differs = call("POST", path, headers, body: body, at: "orchestrator")
      #expect(differs.status == 403 && differs.text.contains("step_differs"), "\(differs)")
      // In a batch: the entry fails, the one with its own assertion does not.
      let entries = [mine, other].map { lease in
        "{\"step_id\":\"\(lease["step_id"]?.string ?? "")\",\"token\":\"\(lease["token"]?.string ?? "")\","
          + "\"attempt\":1,\"assertion\":\"\(mine["assertion"]?.string ?? "")\",\"output\":{}}"
      }
      let batch = call(
        "POST", "/worker/v1/results", fixture.workerHeaders(),
        body: "{\"results\":[\(entries.joined(separator: ","))]}",
        at: "orchestrator")
      let statuses = try JSONDocument(parsing: batch.text).root["results"]?.elements.map { $0["status"]?.int }
      #expect(statuses == [200, 403], "\(batch)")
      // The tenant's resources, and those of the installation.
      for (path, service) in [
        ("/api/v1/tasks", "orchestrator"), ("/api/v1/runs/\(otherRun)", "orchestrator"),
        ("/operator/v1/weights", "orchestrator"), ("/api/v1/usage", "llm-router"), ("/api/v1/providers", "llm-router"),
      ] {
        #expect(call("GET", path, headers, at: service).status == 403, "\(path)")
      }
      #expect(try fixture.deliver(other) == 200)
      for id in [run, otherRun] { #expect(try fixture.end(ofRun: id)["status"]?.string == "succeeded") }
    }

    @Test func `a worker's credential asks for steps and opens nothing else`() throws {
      let worker = fixture.workerHeaders()
      for (path, service) in [
        ("/api/v1/tasks", "orchestrator"), ("/operator/v1/weights", "orchestrator"), ("/api/v1/usage", "llm-router"),
      ] {
        #expect(call("GET", path, worker, at: service).status == 401, "\(path)")
      }
      #expect(call("POST", "/v1/chat/completions", worker, body: model, at: "llm-router").status == 401)
      let (run, lease) = try lease("token-alone")
      let (path, body) = result(lease)
      #expect(call("POST", path, worker, body: body, at: "orchestrator").status == 401)
      #expect(try fixture.deliver(lease) == 200)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      // And the gateway's callers lease nothing.
      let asked = #"{"worker":"x","job_types":["x"],"slots":1}"#
      #expect(
        call("POST", "/worker/v1/leases", try fixture.gatewayHeaders(), body: asked, at: "orchestrator").status == 401)
      let leased = fixture.stepHeaders(lease)
      #expect(call("POST", "/worker/v1/leases", leased, body: asked, at: "orchestrator").status == 401)
    }

    @Test func `a step's model calls belong to its tenant, run and agent, whatever the worker says`() throws {
      let (run, lease) = try lease("metered")
      let headers = fixture.stepHeaders(lease).merging([
        "X-Cadre-Tenant": StackFixture.otherTenant, "X-Cadre-Run": "run_00000000000070008000000000000001",
        "X-Cadre-Agent": "somebody-else", "X-Cadre-Project": "somebody-else", "X-Cadre-Principal": "key:admin",
      ]) { $1 }
      let answer = call("POST", "/v1/chat/completions", headers, body: model, at: "llm-router")
      #expect(answer.status == 200, "\(answer)")
      var row = ""
      try fixture.wait("the call is in the ledger") {
        row = try fixture.stack.postgres.query(
          "select tenant_id, run, agent, coalesce(project, '-'), principal from llm_router.call where run = '\(run)'")
        return !row.isEmpty
      }
      let tenant = "00000000-0000-7000-8000-000000000001"
      #expect(row == "\(tenant)|\(run)|spy|-|key:local", "\(row)")
      #expect(try fixture.deliver(lease) == 200)
    }

    @Test func `after the lease an assertion opens nothing`() throws {
      let (run, lease) = try lease("over")
      let headers = fixture.stepHeaders(lease)
      #expect(try fixture.deliver(lease) == 200)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
      // The orchestrator knows at once.
      let (path, body) = result(lease)
      let late = call("POST", path, headers, body: body, at: "orchestrator")
      #expect(late.status == 409, "\(late)")
      #expect(
        call("POST", path.replacing("/result", with: "/journal"), headers, body: body, at: "orchestrator").status != 200
      )
      // The llm-router goes by the time: the lease of these tests, and the difference of clocks.
      try fixture.wait("the assertion has expired", seconds: 20) {
        let answer = call("POST", "/v1/chat/completions", headers, body: model, at: "llm-router")
        #expect(answer.status == 200 || answer.text.contains("assertion_expired"), "\(answer)")
        Thread.sleep(forTimeInterval: 0.3)
        return answer.status == 401
      }
    }

    @Test func `each extension of a lease brings a fresh assertion`() throws {
      let (run, lease) = try lease("extended")
      let first = lease["assertion"]?.string ?? ""
      Thread.sleep(forTimeInterval: 1.1)
      let answer = try fixture.internalCall(
        "POST", "/worker/v1/steps/\(lease["step_id"]?.string ?? "")/journal",
        "{\"token\":\"\(lease["token"]?.string ?? "")\",\"attempt\":1}", headers: fixture.stepHeaders(lease))
      let fresh = answer?.root["assertion"]?.string ?? ""
      #expect(answer?.status == 200 && !fresh.isEmpty && fresh != first)
      #expect(
        call("POST", "/v1/chat/completions", ["X-Cadre-Assertion": fresh], body: model, at: "llm-router").status == 200)
      #expect(try fixture.deliver(lease) == 200)
      #expect(try fixture.end(ofRun: run)["status"]?.string == "succeeded")
    }

    @Test func `what is for operators of the installation is on the admin listener`() throws {
      for service in LocalStack.services {
        let admin = fixture.stack.adminPort(of: service)
        for path in ["/metrics", "/statusz"] {
          #expect(fixture.call("GET", path, service: service).status == 404, "\(service) \(path)")
          #expect(BlockingHTTP.send(port: admin, path: path)?.status == 200, "\(service) \(path)")
        }
        for path in ["/healthz", "/readyz"] {
          #expect(BlockingHTTP.send(port: admin, path: path)?.status == 200, "\(service) \(path)")
        }
        #expect(fixture.call("GET", "/healthz", service: service).status == 200)
        #expect(fixture.call("GET", "/readyz", service: service).status == (service == "gateway" ? 404 : 200))
        let status = BlockingHTTP.send(port: admin, path: "/statusz")?.body ?? ""
        for name in StackKeys.Name.allCases {
          let secret = fixture.stack.keys.list(name).split(separator: ":").last.map(String.init) ?? "none"
          #expect(!status.contains(secret))
        }
      }
    }

    @Test func `keys are exchanged without a pause`() throws {
      let old = fixture.stack.keys.list(.gateway)
      let new = "new:gateway-secret-of-the-rotation-0123456789"
      let peer = try fixture.stack.startReplica(
        of: "orchestrator", environment: ["CADRE_IDENTITY_GATEWAY_KEYS_FILE": try file("\(old),\(new)")])
      defer { peer.process.stop() }
      for setting in [old, new, "\(new),\(old)"] {
        let gateway = try fixture.stack.startReplica(
          of: "gateway",
          environment: [
            "CADRE_IDENTITY_GATEWAY_KEYS_FILE": try file(setting),
            "CADRE_ORCHESTRATOR_URL": "http://127.0.0.1:\(peer.port)",
          ])
        defer { gateway.process.stop() }
        let answer = BlockingHTTP.send(
          port: gateway.port, path: "/api/v1/tasks", headers: ["Authorization": "Bearer \(fixture.stack.apiKey)"])
        #expect(answer?.status == 200, "\(answer?.body ?? "no answer")")
      }
      // A gateway whose key nobody knows says that it is not the caller's fault.
      let stranger = try fixture.stack.startReplica(
        of: "gateway",
        environment: ["CADRE_IDENTITY_GATEWAY_KEYS_FILE": try file("x:gateway-secret-that-nobody-knows-012345")])
      defer { stranger.process.stop() }
      for path in ["/api/v1/tasks", "/v1/models"] {
        let answer = BlockingHTTP.send(
          port: stranger.port, path: path, headers: ["Authorization": "Bearer \(fixture.stack.apiKey)"])
        #expect(answer?.status == 502 && answer?.body.contains("assertion_refused") == true, "\(answer?.body ?? "")")
      }
    }

    @Test func `unusable keys end a start with a sentence that says which`() throws {
      let good = "a:gateway-secret-of-this-test-0123456789"
      for (gateway, step, part) in [
        ("short", "b:step-secret-of-this-test-0123456789-01", "identity.gateway_keys"),
        ("a:short", "b:step-secret-of-this-test-0123456789-01", "5 bytes"),
        (
          "\(good),a:gateway-secret-of-this-test-01234567890", "b:step-secret-of-this-test-0123456789-01",
          "the id a twice"
        ),
        (good, "b:gateway-secret-of-this-test-0123456789", "must not share a secret"),
      ] {
        let ended = try ChildProcess.run(
          ProcessSpecification(
            fixture.stack.configuration.executables + "/orchestrator",
            environment: [
              "CADRE_HTTP_PORT": "0", "CADRE_ADMIN_PORT": "0", "CADRE_IDENTITY_GATEWAY_KEYS": gateway,
              "CADRE_IDENTITY_STEP_KEYS": step, "CADRE_IDENTITY_WORKER_KEYS": "c:worker-secret-of-this-test-0123456789",
              "CADRE_POSTGRES_URL": "host=/nonexistent dbname=cadre user=cadre",
            ]))
        #expect(ended.status == 2 && ended.output.contains(part), "\(ended.output)")
        #expect(!ended.output.contains("-of-this-test-"))
      }
    }

    private func file(_ content: String) throws -> String {
      let path = fixture.stack.configuration.data + "/keys/\(Foundation.UUID().uuidString)"
      try FileAccess.write(path, content)
      return path
    }
  }
}
