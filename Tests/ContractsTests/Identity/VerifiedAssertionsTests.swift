import Contracts
import Primitives
import Testing

@Suite struct VerifiedAssertionsTests {
  @Test func `what is remembered still ends at its time`() throws {
    let memory = VerifiedAssertions(try Samples.router())
    let text = Samples.sign(Samples.assertion(expiresIn: 30), try Samples.gatewayKeys())
    for _ in 0..<3 { #expect(try memory.verify(text, now: Samples.now).caller == Samples.caller()) }
    #expect(memory.count == 1)
    #expect(throws: AssertionError.expired) { try memory.verify(text, now: Samples.now + .seconds(35)) }
  }

  @Test func `an expired one is accepted late only where that is asked for`() throws {
    let memory = VerifiedAssertions(try Samples.router())
    let text = Samples.sign(Samples.assertion(expiresIn: 30), try Samples.gatewayKeys())
    let later = Samples.now + .seconds(100)
    #expect(try memory.verify(text, now: later, late: 600).caller == Samples.caller())
    #expect(throws: AssertionError.expired) { try memory.verify(text, now: later) }
  }

  @Test func `bad texts take no place`() throws {
    let memory = VerifiedAssertions(try Samples.router())
    let text = Samples.sign(Samples.assertion(), try Samples.gatewayKeys())
    for number in 0..<100 { _ = try? memory.verify("\(text)\(number)", now: Samples.now) }
    #expect(memory.count == 0)
  }

  @Test func `the memory is bounded, and what is in use stays`() throws {
    let memory = VerifiedAssertions(try Samples.router())
    let keys = try Samples.gatewayKeys()
    for number in 0..<(3 * VerifiedAssertions.halfMax) {
      let caller = Caller(issuer: .gateway, tenant: Samples.tenant, principal: "key:\(number)", scopes: .models)
      let text = Samples.sign(Samples.assertion(caller), keys)
      #expect(try memory.verify(text, now: Samples.now).caller == caller)
      #expect(memory.count <= 2 * VerifiedAssertions.halfMax)
    }
    // The young half is full, and the one before it is still known.
    #expect(memory.count == 2 * VerifiedAssertions.halfMax)
  }
}
