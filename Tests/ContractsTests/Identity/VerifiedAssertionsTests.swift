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
    #expect(memory.count >= VerifiedAssertions.halfMax)
  }

  @Test func `verification is quick`() throws {
    let verifier = try Samples.router()
    let memory = VerifiedAssertions(verifier)
    let keys = try Samples.stepKeys()
    let text = Samples.sign(Samples.assertion(Samples.worker()), keys)
    let clock = ContinuousClock()
    let rounds = 20_000
    func microseconds(_ body: () throws -> Void) rethrows -> Double {
      let time = try clock.measure { for _ in 0..<rounds { try body() } }
      return Double(time.components.attoseconds / 1_000_000_000_000 + time.components.seconds * 1_000_000)
        / Double(rounds)
    }
    let first = try microseconds { _ = try verifier.verify(text, now: Samples.now) }
    let known = try microseconds { _ = try memory.verify(text, now: Samples.now) }
    let signer = AssertionSigner(keys)
    let signing = microseconds { _ = signer.sign(Samples.assertion(Samples.worker())) }
    print("assertions (\(text.utf8.count) bytes): sign \(signing) us, verify \(first) us, known \(known) us")
  }
}
