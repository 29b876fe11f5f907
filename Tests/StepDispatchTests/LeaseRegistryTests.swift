import Primitives
import RunStorage
import StepDispatch
import Testing

@Suite struct LeaseRegistryTests {
  private func isGranted(_ registry: LeaseRegistryStateMachine, _ step: LeasedStep, token: UUID) -> Bool {
    if case .granted(let lease) = registry.verify(step.step, token: token) { lease.run == step.run } else { false }
  }

  @Test func `a lease is known by its token until it has ended`() {
    var registry = LeaseRegistryStateMachine(leasesMax: 10)
    let step = leased(1)
    #expect(!isGranted(registry, step, token: step.token))
    registry.granted(step)
    #expect(isGranted(registry, step, token: step.token))
    #expect(!isGranted(registry, step, token: UUID(high: 0, low: 0)))
    registry.ended(step.step)
    #expect(!isGranted(registry, step, token: step.token))
  }

  @Test func `a full registry begins anew, and the database is asked for older leases`() {
    var registry = LeaseRegistryStateMachine(leasesMax: 2)
    for number in 1...3 { registry.granted(leased(UInt64(number))) }
    #expect(!isGranted(registry, leased(1), token: leased(1).token))
    #expect(isGranted(registry, leased(3), token: leased(3).token))
    // A step that is known needs no new place.
    registry.granted(leased(4))
    registry.granted(leased(4))
    #expect(isGranted(registry, leased(3), token: leased(3).token))
  }

  @Test func `an assertion that was signed here is known for its lease alone`() {
    var registry = LeaseRegistryStateMachine(leasesMax: 10)
    let (one, two) = (leased(1), leased(2))
    registry.signed("one", for: one.step, token: one.token)
    #expect(registry.token(of: one.step, signedAs: "one") == nil, "a lease that nobody knows")
    registry.granted(one)
    registry.granted(two)
    #expect(registry.token(of: one.step, signedAs: "") == nil, "nothing was signed yet")
    registry.signed("other", for: one.step, token: two.token)
    #expect(registry.token(of: one.step, signedAs: "other") == nil, "signed for an earlier lease")
    registry.signed("one", for: one.step, token: one.token)
    #expect(registry.token(of: one.step, signedAs: "one") == one.token)
    #expect(registry.token(of: one.step, signedAs: "onE") == nil)
    #expect(registry.token(of: one.step, signedAs: "one ") == nil)
    #expect(registry.token(of: two.step, signedAs: "one") == nil, "the assertion of another step")
    registry.signed("fresh", for: one.step, token: one.token)
    #expect(registry.token(of: one.step, signedAs: "one") == nil, "an older one is verified as any other")
    registry.granted(one)
    #expect(registry.token(of: one.step, signedAs: "fresh") == nil, "leased anew")
    registry.signed("fresh", for: one.step, token: one.token)
    registry.ended(one.step)
    #expect(registry.token(of: one.step, signedAs: "fresh") == nil, "ended")
  }
}
