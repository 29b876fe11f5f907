import Contracts
import HTTPWire
import JSON
import LocalStack
import PolicyDecisions
import Postgres
import PostgresTestKit
import Reactor
import Telemetry
import Testing

@testable import GatewayPolicyControl

extension PolicyControlTests {
  /// What operators switch holds in every gateway, and stays.
  @Suite(.serialized) struct SwitchTests {
    @Test func `a change is in force at once, in other gateways by notice, and by the clock without one`() async throws
    {
      try await PolicyGateway.run([
        (true, .seconds(3600)), (true, .seconds(3600)), (false, .milliseconds(50)),
      ]) { gateways in
        let first = gateways[0]
        for gateway in gateways {
          try await gateway.eventually("read") { gateway.stored.now.isCurrent }
          #expect(gateway.engine.control.switches == PolicySwitches())
        }
        let before = try await first.send(.get, "/operator/v1/policy", as: PolicyGateway.operator)
        #expect(before.status == 200)
        #expect(before.root?["mode"]?.string == "enforce")
        #expect(before.root?["is_current"]?.bool == true)
        #expect(before.root?["revision"]?.string == first.engine.bundle?.revision)
        #expect((before.root?["cache"]?["entries_max"]?.int ?? 0) > 0)
        let after = try await first.send(
          .put, "/operator/v1/policy", #"{"mode": "dry_run", "canary_percent": 30}"#, as: PolicyGateway.operator,
          ifMatch: before.tag)
        #expect(after.status == 200)
        #expect(after.root?["updated_by"]?.string == "user_1")
        #expect(after.tag != before.tag)
        let expected = PolicySwitches(mode: .dryRun, canaryPercent: 30)
        #expect(first.engine.control.switches == expected)
        for gateway in gateways {
          try await gateway.eventually("heard") { gateway.engine.control.switches == expected }
        }
        // What is left out stays.
        let halted = try await gateways[1].send(
          .put, "/operator/v1/policy", #"{"halted": true}"#, as: PolicyGateway.operator)
        #expect(halted.root?["is_halted"]?.bool == true)
        #expect(halted.root?["mode"]?.string == "dry_run")
        #expect(halted.root?["canary_percent"]?.int == 30)
        for gateway in gateways {
          try await gateway.eventually("halted") { gateway.engine.control.switches.isHalted }
        }
      }
    }

    @Test func `a halt stops changes, and the way to release it stays open`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        let change = #"{"data": {}}"#
        #expect(try await gateway.send(.put, "/api/v1/policy/data", change).status == 200)
        try await gateway.send(.put, "/operator/v1/policy", #"{"halted": true}"#, as: PolicyGateway.operator)
        #expect(try await gateway.send(.put, "/api/v1/policy/data", change).status == 403)
        let path = "/operator/v1/tenants/\(PolicyGateway.a)/policy-data"
        #expect(try await gateway.send(.put, path, change, as: PolicyGateway.operator).status == 403)
        #expect(try await gateway.send(.get, "/api/v1/policy/data").status == 200)
        // A tenant's admin cannot release it.
        #expect(try await gateway.send(.put, "/operator/v1/policy", #"{"halted": false}"#).status == 403)
        let released = try await gateway.send(
          .put, "/operator/v1/policy", #"{"halted": false}"#, as: PolicyGateway.operator)
        #expect(released.status == 200)
        #expect(try await gateway.send(.put, "/api/v1/policy/data", change).status == 200)
      }
    }

    @Test func `what is stored wins over the settings, and without it they count`() async throws {
      try await PolicyGateway.run(halted: true) { gateways in
        #expect(gateways[0].engine.control.switches.isHalted)
        try PolicyCluster.shared.get().query(
          "update policy_switch set is_halted = false, version = version + 1; select 1")
        try await gateways[0].eventually("released") { !gateways[0].engine.control.switches.isHalted }
      }
    }

    @Test func `statements and their declarations agree`() {
      #expect(PolicyStore.readSwitches.faults == [])
      #expect(PolicyStore.changeSwitches.faults == [])
      #expect(PolicyStore.readData.faults == [])
      #expect(PolicyStore.writeData.faults == [])
      #expect(PolicyStore.readChanges.faults == [])
      #expect(PolicyStore.raiseEpoch.faults == [])
    }

    @Test func `without a database nothing is loaded, and what was known stays`() async throws {
      let group = EventLoopGroup(count: 1)
      var configuration = PostgresConfiguration(
        connectionString: "host=127.0.0.1 port=\(LoopbackPort.free()) user=x dbname=x", schema: "gateway")
      configuration.unavailableTimeout = .milliseconds(50)
      let pool = PostgresPool(group: group, configuration: configuration, telemetry: .disabled())
      let control = PolicyControl(PolicySwitches(mode: .dryRun))
      let stored = StoredPolicies(PolicyStore(pool: pool), control, telemetry: .disabled())
      try await group.loops[0].task {
        await pool.start()
        await #expect(throws: (any Error).self) { try await stored.load() }
        await stored.refresh()
        await pool.close()
      }.value
      #expect(!stored.now.isCurrent && stored.now.switches == nil)
      #expect(control.switches == PolicySwitches(mode: .dryRun))
      group.stop()
    }

    @Test func `an older database counts when it is restored`() async throws {
      try await PolicyGateway.run([(false, .milliseconds(50))]) { gateways in
        let gateway = gateways[0]
        for _ in 0..<3 {
          try await gateway.send(.put, "/operator/v1/policy", #"{"mode": "off"}"#, as: PolicyGateway.operator)
        }
        try await gateway.send(.put, "/api/v1/policy/data", #"{"data": {"tools": {"deny": ["a"]}}}"#)
        try await gateway.eventually("read") { gateway.stored.now.isCurrent }
        await gateway.stored.refresh()
        try PolicyCluster.shared.get().query(
          """
          truncate policy_data;
          update policy_switch set mode = 'dry_run', version = 1, data_revision = 0; select 1
          """)
        try await gateway.eventually("restored") {
          gateway.engine.control.switches.mode == .dryRun
            && gateway.engine.control.data(of: "\(PolicyGateway.a)") == nil
        }
      }
    }

    @Test func `hostile changes of the switches are refused`() async throws {
      try await PolicyGateway.run { gateways in
        let gateway = gateways[0]
        for body in [
          "{}", "[]", "null", "1", #"{"mode": "on"}"#, #"{"mode": 1}"#, #"{"canary_percent": 101}"#,
          #"{"canary_percent": -1}"#, #"{"canary_percent": 1.5}"#, #"{"canary_percent": 1e99}"#,
          #"{"halted": "true"}"#, #"{"halted": null}"#, #"{"halted": true, "other": 1}"#, #"{"mode": "off\u0000"}"#,
        ] {
          let answer = try await gateway.send(.put, "/operator/v1/policy", body, as: PolicyGateway.operator)
          #expect(answer.status == 422, "\(body): \(answer.text)")
        }
        for body in ["", "{", #"{"mode": "off", "mode": "off"}"#, "\u{1}"] {
          let answer = try await gateway.send(.put, "/operator/v1/policy", body, as: PolicyGateway.operator)
          #expect(answer.status == 400, "\(body): \(answer.text)")
        }
        let huge = "{\"mode\": \"" + String(repeating: "a", count: 5000) + "\"}"
        #expect(try await gateway.send(.put, "/operator/v1/policy", huge, as: PolicyGateway.operator).status == 413)
        for tag in ["\"1000000\"", "\"0\"", "x", "\"99999999999999999999\""] {
          let answer = try await gateway.send(
            .put, "/operator/v1/policy", #"{"mode": "off"}"#, as: PolicyGateway.operator, ifMatch: tag)
          #expect(answer.status == (tag == "\"1000000\"" ? 412 : 400), "\(tag): \(answer.text)")
        }
        #expect(gateway.engine.control.switches == PolicySwitches())
      }
    }
  }
}
