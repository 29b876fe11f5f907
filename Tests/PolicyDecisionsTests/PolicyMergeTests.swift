import Contracts
import JSON
import Policy
import Primitives
import Telemetry
import Testing

@testable import PolicyDecisions

/// What arrives about policies, in whatever order.
@Suite struct PolicyMergeTests {
  private func revision(_ epoch: Int64, _ number: Int64) -> PolicyRevision {
    PolicyRevision(epoch: epoch, number: number)
  }

  @Test func `whatever the order and however often, the latest change is in force`() {
    let changes = [revision(1, 1), revision(1, 2), revision(1, 7), revision(2, 1), revision(2, 3)]
    // Every order of five changes, each of them followed by all once more.
    for seed in 0..<120 {
      var (rest, order, place) = (changes, [PolicyRevision](), seed)
      while !rest.isEmpty {
        order.append(rest.remove(at: place % rest.count))
        place /= max(1, rest.count + 1)
      }
      let policies = DeliveredPolicies(PolicyControl(), telemetry: .disabled())
      for change in order + order {
        policies.take(
          DeliveredSwitches(
            revision: change, mode: nil, canaryPercent: Int(change.epoch * 10 + change.number), isHalted: nil))
        policies.take(
          TenantPolicyData(.object(RegoObject([(.string("n"), .int(Int(change.number)))]))), of: "t", change)
      }
      #expect(policies.switches == revision(2, 3))
      #expect(policies.data(of: "t").data?.document.json == #"{"n":3}"#)
      #expect(policies.data(of: "t").revision == revision(2, 3))
    }
  }

  @Test func `epoch 0 says nothing, and what is not set is that of the settings`() {
    let control = PolicyControl(PolicySwitches(mode: .dryRun, canaryPercent: 40, isHalted: true))
    let policies = DeliveredPolicies(control, telemetry: .disabled())
    policies.take(DeliveredSwitches(revision: revision(0, 9), mode: "off", canaryPercent: 1, isHalted: false))
    #expect(control.switches == PolicySwitches(mode: .dryRun, canaryPercent: 40, isHalted: true))
    policies.take(DeliveredSwitches(revision: revision(1, 1), mode: "enforce", canaryPercent: nil, isHalted: nil))
    #expect(control.switches == PolicySwitches(mode: .enforce, canaryPercent: 40, isHalted: true))
    policies.take(DeliveredSwitches(revision: revision(1, 2), mode: nil, canaryPercent: nil, isHalted: false))
    #expect(control.switches == PolicySwitches(mode: .dryRun, canaryPercent: 40, isHalted: false))
  }

  @Test func `a restart takes what is there, and lets go of what is not`() {
    let control = PolicyControl()
    let policies = DeliveredPolicies(control, telemetry: .disabled())
    for tenant in ["a", "b"] { policies.take(TenantPolicyData(.object(RegoObject())), of: tenant, revision(1, 5)) }
    let before = policies.restart()
    #expect(control.data(of: "b") != nil, "what is in force stays until something takes its place")
    policies.take(TenantPolicyData(.object(RegoObject())), of: "a", revision(1, 2))
    policies.settle(before)
    #expect(policies.revision(of: "a") == revision(1, 2) && control.data(of: "b") == nil)
  }

  @Test func `a document that nobody can read denies`() {
    for text in ["", "[]", "1", "{", "{\"a\":1}{"] {
      #expect(
        TenantPolicyData.reading(text, isSuspended: false)?.document.json == #"{"status":"suspended"}"#, "\(text)")
    }
    #expect(TenantPolicyData.reading("{}", isSuspended: false) == nil)
    #expect(TenantPolicyData.reading("{}", isSuspended: true)?.document.json == #"{"status":"suspended"}"#)
  }

  @Test func `messages are read as they were written, and others are refused`() throws {
    let delivery = PolicyDelivery(
      switches: DeliveredSwitches(revision: revision(3, 4), mode: "off", canaryPercent: 0, isHalted: false), after: 2,
      through: 9, isLast: false,
      rows: [
        .init(tenant: TenantID(.init(high: 1, low: 2)), number: 5, document: #"{"a":"\\u0000"}"#, isSuspended: true)
      ])
    #expect(try PolicyDelivery(JSONDocument(parsing: delivery.document()).root) == delivery)
    let text = String(decoding: delivery.document(), as: UTF8.self)
    for (one, other) in [
      (#""off""#, #""on""#), (#""canary_percent":0"#, #""canary_percent":101"#),
      (#""is_halted":false"#, #""is_halted":1"#),
      (#""after":2"#, #""after":-1"#), (#""is_last":false"#, #""is_last":null"#), (#""number":5"#, #""number":0"#),
      (#""epoch":3"#, #""epoch":"3""#), ("tenant_", "user_"), (#""through":9"#, #""other":9"#),
    ] {
      #expect(text.contains(one))
      #expect(throws: (any Error).self, "\(one)") {
        try PolicyDelivery(JSONDocument(parsing: text.replacing(one, with: other)).root)
      }
    }
  }
}
