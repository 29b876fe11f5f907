import Routing
import Testing

@Suite struct CircuitBreakerTests {
  private let policy = CircuitBreaker.Policy(
    failuresInRow: 3, coolMilliseconds: 100, coolMaxMilliseconds: 1000, keyCoolMilliseconds: 5000,
    probeMilliseconds: 400)

  private func tripped() -> CircuitBreaker {
    var breaker = CircuitBreaker()
    for _ in 0..<3 { breaker.failed(.provider, retryAfter: nil, at: 0, policy) }
    return breaker
  }

  @Test func `opens after failures in a row, not before`() {
    var breaker = CircuitBreaker()
    breaker.failed(.provider, retryAfter: nil, at: 0, policy)
    breaker.failed(.transport, retryAfter: nil, at: 0, policy)
    #expect(breaker.state(at: 0) == .closed)
    breaker.succeeded()
    breaker.failed(.provider, retryAfter: nil, at: 0, policy)
    breaker.failed(.provider, retryAfter: nil, at: 0, policy)
    #expect(breaker.state(at: 0) == .closed)
    breaker.failed(.provider, retryAfter: nil, at: 0, policy)
    #expect(breaker.state(at: 0) == .open)
  }

  @Test func `half of twenty calls failing opens it too`() {
    var breaker = CircuitBreaker()
    for index in 0..<20 {
      #expect(breaker.state(at: 0) == .closed, "call \(index)")
      if index.isMultiple(of: 2) {
        breaker.succeeded()
      } else {
        breaker.failed(.provider, retryAfter: nil, at: 0, policy)
      }
    }
    #expect(breaker.state(at: 0) == .open)
  }

  @Test func `one probe passes, the others wait for its outcome`() {
    var breaker = tripped()
    let refused = breaker.admit(at: 99, policy)
    let probe = breaker.admit(at: 100, policy)
    let second = breaker.admit(at: 101, policy)
    #expect(!refused && probe && !second)
    breaker.succeeded()
    #expect(breaker.state(at: 101) == .closed)
  }

  @Test func `a failed probe doubles the time, up to a limit`() {
    var breaker = tripped()
    var now: Int64 = 100
    for expected in [200, 400, 800, 1000, 1000] as [Int64] {
      let passed = breaker.admit(at: now, policy)
      #expect(passed)
      breaker.failed(.provider, retryAfter: nil, at: now, policy)
      #expect(breaker.state(at: now + expected - 1) == .open)
      #expect(breaker.state(at: now + expected) == .halfOpen)
      now += expected
    }
  }

  @Test func `a probe that is never heard of is given up`() {
    var breaker = tripped()
    let first = breaker.admit(at: 100, policy)
    let early = breaker.admit(at: 499, policy)
    let late = breaker.admit(at: 500, policy)
    #expect(first && !early && late)
    breaker.released()
    let again = breaker.admit(at: 501, policy)
    #expect(again)
  }

  @Test func `a key without credit cools at once and for long, a limited one as long as its provider asks`() {
    var broke = CircuitBreaker()
    broke.failed(.money, retryAfter: nil, at: 0, policy)
    #expect(broke.state(at: 4999) == .open && broke.state(at: 5000) == .halfOpen)
    var limited = CircuitBreaker()
    limited.failed(.rate, retryAfter: 3000, at: 0, policy)
    #expect(limited.state(at: 2999) == .open)
    // The later end wins.
    limited.failed(.rate, retryAfter: 10, at: 0, policy)
    #expect(limited.state(at: 2999) == .open && limited.state(at: 3000) == .halfOpen)
  }

  @Test func `a provider that answers a probe may be tried at once, unless it has set the time itself`() {
    var broken = tripped()
    broken.reachable(at: 10)
    #expect(broken.state(at: 10) == .halfOpen)
    for failure in [FailureClass.rate, .money, .key] {
      var limited = CircuitBreaker()
      limited.failed(failure, retryAfter: 3000, at: 0, policy)
      limited.reachable(at: 10)
      #expect(limited.state(at: 10) == .open, "\(failure)")
    }
  }

  @Test func `a probe whose request is refused for what stands in it shows that the provider is there`() {
    var broken = tripped()
    let isProbe = broken.admit(at: 100, policy)
    broken.failed(.caller, retryAfter: nil, at: 120, policy)
    #expect(isProbe && broken.state(at: 121) == .closed)
  }

  @Test func `no pause is longer than an hour`() {
    var breaker = CircuitBreaker()
    breaker.failed(.rate, retryAfter: .max, at: 5, policy)
    #expect(breaker.state(at: 3_600_004) == .open && breaker.state(at: 3_600_005) == .halfOpen)
  }

  @Test(arguments: [FailureClass.caller, .context, .content, .tools])
  func `what is no fault of the provider does not count`(_ failure: FailureClass) {
    var breaker = CircuitBreaker()
    for _ in 0..<50 { breaker.failed(failure, retryAfter: nil, at: 0, policy) }
    #expect(breaker.state(at: 0) == .closed)
  }
}

@Suite struct RetryTests {
  @Test func `pauses grow, are spread, last as long as the provider asks and fit the deadline`() throws {
    let policy = AttemptPolicy(attemptsMax: 4, pauseMilliseconds: 100, pauseMaxMilliseconds: 1000)
    for random in 0..<500 as Range<UInt64> {
      let first = try #require(policy.pause(round: 1, retryAfter: nil, remaining: 60_000, random: random))
      let fourth = try #require(policy.pause(round: 4, retryAfter: nil, remaining: 60_000, random: random))
      let late = try #require(policy.pause(round: 60, retryAfter: nil, remaining: 60_000, random: random))
      #expect((50...100).contains(first) && (400...800).contains(fourth) && (500...1000).contains(late))
    }
    #expect(policy.pause(round: 1, retryAfter: 5000, remaining: 60_000, random: 1) == 5000)
    #expect(policy.pause(round: 1, retryAfter: 5000, remaining: 5000, random: 1) == nil)
  }

  @Test(arguments: [
    (400, "", "bad", FailureClass.caller), (400, "context_length_exceeded", "", .context),
    (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", .context),
    (400, "content_filter", "", .content), (401, "", "", .key), (402, "", "", .money),
    (429, "insufficient_quota", "", .money), (429, "", "", .rate), (404, "model_not_found", "", .model),
    (413, "", "", .context), (500, "", "", .provider), (529, "overloaded_error", "", .overload),
    (408, "", "", .transport), (422, "", "", .caller),
  ])
  func `failures are classified by status and code`(
    _ status: Int, _ code: String, _ message: String, _ expected: FailureClass
  ) {
    #expect(FailureClass(status: status, code: code, message: message) == expected)
  }
}
