import Contracts
import Foundation
import JSON
import LocalStack
import Process
import Testing

/// What operators and tenants say about policies counts in every service, in every replica.
extension EndToEndTests {
  @Suite(.serialized) final class PolicyState {
    private static let tenant = "tenant_00000000000070008000000000000001"
    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    deinit {
      // Whatever has failed: other suites find an installation in which nothing is said.
      _ = fixture.call("PUT", "/operator/v1/policy", body: #"{"halted": false}"#)
      _ = fixture.call("DELETE", "/operator/v1/tenants/\(PolicyState.tenant)/policy-data")
    }

    /// Waits until every service has confirmed all that is stored.
    private func confirmed() throws {
      try fixture.wait("every service has confirmed") {
        let root = try fixture.json("GET", "/operator/v1/policy").root
        let services = root["services"].map { Array($0.elements) } ?? []
        return services.count == 2
          && services.allSatisfy { $0["has_all"]?.bool == true && $0["version"]?.int == root["version"]?.int }
      }
    }

    private func halt(_ isHalted: Bool) throws {
      #expect(fixture.call("PUT", "/operator/v1/policy", body: "{\"halted\": \(isHalted)}").status == 200)
    }

    /// Asks each replica of the llm-router, past the gateway.
    private func modelCalls(_ replica: Int) throws -> (status: Int, text: String) {
      let answer = BlockingHTTP.send(
        "POST", port: fixture.stack.ports(of: "llm-router")[replica], path: "/v1/chat/completions",
        headers: try fixture.gatewayHeaders(to: .router),
        body: #"{"model": "mock-model", "messages": [{"role": "user", "content": "x"}]}"#, seconds: 60)
      return (answer?.status ?? 0, answer?.body ?? "")
    }

    private func setData(_ data: String) throws {
      let answer = fixture.call("PUT", "/api/v1/policy/data", body: "{\"data\": \(data)}")
      #expect(answer.status == 200, "\(answer.text)")
    }

    @Test func `a halt stops running agents before their next call, everywhere, and they go on after it`() throws {
      let before = try fixture.providerCalls()
      // It asks for the tool after a while of thinking, in which the halt reaches everybody.
      let submitted = try fixture.json("POST", "/api/v1/tasks", body: #"{"prompt": "deliberate"}"#).root
      let (task, run) = (submitted["id"]?.string ?? "", submitted["run"]?["id"]?.string ?? "")
      try fixture.wait("the model is asked") { try fixture.providerCalls() > before }
      try halt(true)
      try confirmed()
      for replica in 0..<2 {
        try fixture.wait("the llm-router refuses") { try modelCalls(replica).status == 503 }
        #expect(try modelCalls(replica).text.contains("installation_halted"))
      }
      try fixture.wait("the step is given back") { try fixture.types(run).contains("step.released") }
      // Nobody gets it.
      #expect(try fixture.lease("agent").isEmpty)
      let halted = try fixture.json("GET", "/api/v1/tasks/\(task)").root
      #expect(!["succeeded", "failed"].contains(halted["status"]?.string ?? ""))
      let steps = try fixture.json("GET", "/api/v1/runs/\(run)/steps").root["steps"].map { Array($0.elements) } ?? []
      let path = "/api/v1/steps/\(steps.first?["id"]?.string ?? "")/calls"
      let kinds = try fixture.json("GET", path).root["calls"]?.elements.map { $0["kind"]?.string } ?? []
      #expect(kinds.contains("model") && !kinds.contains("tool"), "\(kinds)")
      // Reading goes on, submitting does not.
      #expect(fixture.call("POST", "/api/v1/tasks", body: #"{"prompt": "x"}"#).status == 403)

      // A service that starts meanwhile knows it before it answers.
      try fixture.crash("llm-router")
      for replica in 0..<2 { #expect(try modelCalls(replica).status == 503) }

      try halt(false)
      let ended = try fixture.end(of: task)
      #expect(ended["status"]?.string == "succeeded", "\(String(decoding: ended.rawBytes, as: UTF8.self))")
      // The halt has cost no attempt that counts, and what the model had answered was not asked again.
      #expect(try fixture.types(run).filter { $0 == "step.failed" }.isEmpty)
      #expect(ended["run"]?["usage"]?["model_calls"]?.int == 2)
    }

    @Test func `a gateway that cannot read whether there is a halt decides nothing`() throws {
      try halt(true)
      func refusals() -> Int {
        let log = (try? String(contentsOfFile: fixture.stack.log(of: "gateway"), encoding: .utf8)) ?? ""
        return log.components(separatedBy: "not ready yet").count
      }
      // Asks this gateway alone: the other one knows.
      func submit() -> (status: Int, text: String) {
        let answer = BlockingHTTP.send(
          "POST", port: fixture.stack.port(of: "gateway"), path: "/api/v1/tasks",
          headers: ["Authorization": "Bearer \(fixture.stack.apiKey)"], body: #"{"prompt": "x"}"#, seconds: 60)
        return (answer?.status ?? 0, answer?.body ?? "")
      }
      let before = refusals()
      let gateway = try #require(fixture.stack.service("gateway"))
      _ = try fixture.stack.postgres.query("alter table gateway.policy_switch rename to policy_switch_away; select 1")
      gateway.process.kill(SIGKILL)
      _ = gateway.process.wait(seconds: 5)
      try fixture.stack.launch("gateway")
      try fixture.wait("it has tried several times") { refusals() > before + 2 }
      #expect(submit().status == 503)
      #expect(submit().text.contains("\"starting\""))
      _ = try fixture.stack.postgres.query("alter table gateway.policy_switch_away rename to policy_switch; select 1")
      try fixture.stack.waitUntilReady(try #require(fixture.stack.service("gateway")))
      #expect(submit().status == 403)
      try halt(false)
    }

    @Test func `what a tenant says about models, tools and approvals is in force where it is asked`() throws {
      try setData(
        #"{"models": {"deny": ["mock*"]}, "approvals": {"four_eyes": true}, "tools": {"deny": ["calculator"]}}"#)
      try confirmed()
      for replica in 0..<2 {
        try fixture.wait("the model is refused") { try modelCalls(replica).status == 403 }
        #expect(try modelCalls(replica).text.contains("access_denied"))
      }
      try setData(#"{"approvals": {"four_eyes": true}, "tools": {"deny": ["calculator"]}}"#)
      try confirmed()
      for replica in 0..<2 { try fixture.wait("the model answers") { try modelCalls(replica).status == 200 } }

      // The tool is refused, and the agent reads why. Workers hear of it a second later at most.
      try fixture.wait("the tool is refused") {
        let submitted = try fixture.submit("compute").root
        let run = submitted["run"]?["id"]?.string ?? ""
        _ = try fixture.end(of: submitted["id"]?.string ?? "")
        let step = try fixture.json("GET", "/api/v1/runs/\(run)/steps").root["steps"]?[0]?["id"]?.string ?? ""
        let calls =
          try fixture.json("GET", "/api/v1/steps/\(step)/calls").root["calls"].map { Array($0.elements) } ?? []
        return calls.contains {
          String(decoding: $0.rawBytes, as: UTF8.self).contains("the tenant does not allow calculator")
        }
      }

      // Who has asked for it cannot approve it.
      try fixture.put(workflow: "eyes", #"{"key": "s", "job_type": "eyes"}"#)
      let waiting = try fixture.start("eyes").run
      var lease: JSONView?
      try fixture.wait("a step is leased") {
        lease = try fixture.lease("eyes", milliseconds: 5000).first
        return lease != nil
      }
      try fixture.suspend(
        try #require(lease),
        #"{"key": "a", "kind": "approval", "tool": "http_fetch", "subject": {"name": "http_fetch"}}"#)
      let approval = try #require(
        try fixture.json("GET", "/api/v1/approvals?run_id=\(waiting)").root["approvals"]?.elements.first { _ in true })
      let body =
        "{\"decision\": \"approve\", \"subject_sha256\": \"\(approval["subject_sha256"]?.string ?? "")\"}"
      let path = "/api/v1/approvals/\(approval["id"]?.string ?? "")/decision"
      // Both replicas of the orchestrator, through both of the gateway.
      for _ in 0..<4 {
        let (status, root) = try fixture.json("POST", path, body: body)
        #expect(status == 403 && root["detail"]?.string?.contains("who has asked") == true, "\(status)")
      }
      #expect(fixture.call("DELETE", "/api/v1/policy/data").status == 204)
      try confirmed()
      try fixture.wait("it is approved") { fixture.call("POST", path, body: body).status == 200 }
    }

    @Test func `the address of deliveries is for the gateway alone`() throws {
      for service in ["orchestrator", "llm-router"] {
        let path = "/internal/v1/\(service)/policies"
        for method in ["GET", "PUT"] {
          #expect(fixture.call(method, path, body: method == "PUT" ? "{}" : nil).status == 404)
          #expect(fixture.call(method, path, body: method == "PUT" ? "{}" : nil, service: service).status == 401)
        }
        let member = try fixture.gatewayHeaders(
          [.api, .models], to: service == "orchestrator" ? .orchestrator : .router)
        #expect(fixture.call("GET", path, headers: member, service: service).status == 403)
      }
      #expect(fixture.call("GET", "/worker/v1/policies", service: "orchestrator").status == 401)
      let known = try fixture.internalCall("GET", "/worker/v1/policies", headers: fixture.workerHeaders())
      #expect(known?.status == 200 && known?.root["switches"]?["revision"] != nil)
    }
  }
}
