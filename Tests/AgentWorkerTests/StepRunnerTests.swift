import AgentLoop
import Contracts
import JSON
import Telemetry
import Testing

@testable import AgentWorker

/// Attempts in virtual time, with an orchestrator and models that fail.
@Suite struct StepRunnerTests {
  private typealias Outage = FakeOrchestrator.Outage

  private struct Attempt {
    let word: String
    let seconds: Double
    let orchestrator: FakeOrchestrator
    let models: FakeModels
  }

  private func attempt(
    _ tries: [FakeModels.Try], lease: Double = 15, outages: [FakeOrchestrator.Outage] = [], takeBackAt: Double? = nil,
    refusals: [String: LinkAnswer] = [:], policy: ModelRetryPolicy = ModelRetryPolicy(), batchesFrom: Double = 0
  ) async throws -> Attempt {
    let clock = VirtualClock(tasks: 2)
    let orchestrator = FakeOrchestrator(
      clock, lease: lease, outages: outages, takeBackAt: takeBackAt, refusals: refusals,
      batchesFrom: batchesFrom)
    let models = FakeModels(clock, tries)
    let runner = StepRunner(
      models: models, tools: CalculatorTools(), link: orchestrator, clock: clock, policy: policy, telemetry: .disabled()
    )
    let step = try LeasedStep.sample(lease: Int64(lease * 1000))
    let word = await clock.run { await runner.run(step) }
    #expect(runner.count == 0)
    return Attempt(word: word, seconds: clock.seconds, orchestrator: orchestrator, models: models)
  }

  private func answer(_ attempt: Attempt) throws -> String? {
    guard case .success(let result) = attempt.orchestrator.outcome else { return nil }
    return try JSONDocument(parsing: result.output).root["answer"]?.string
  }

  private func failure(_ attempt: Attempt) -> AgentFailure? {
    guard case .failure(let failure) = attempt.orchestrator.outcome else { return nil }
    return failure
  }

  // MARK: The orchestrator is away

  @Test(
    arguments: [
      (4.0...7.0, Outage.Kind.refuses), (4.0...13.0, .refuses), (3.0...19.9, .refuses), (4.0...40.0, .refuses),
      (3.0...11.0, .hangs), (4.9...18.0, .hangs), (4.0...40.0, .hangs), (4.0...300.0, .refuses),
      (19.0...25.0, .refuses), (19.0...25.0, .hangs), (0.0...60.0, .refuses), (0.0...60.0, .hangs),
      (19.0...25.0, .losesAnswers), (0.0...60.0, .losesAnswers),
    ])
  func `a database that is away costs no paid answer and no attempt`(
    _ seconds: ClosedRange<Double>, _ kind: FakeOrchestrator.Outage.Kind
  ) async throws {
    let attempt = try await attempt(
      [.init(seconds: 20, outcome: try .tool()), .init(seconds: 5, outcome: try .text("done"))],
      outages: [Outage(seconds: seconds, kind: kind)])
    #expect(attempt.models.count == 2)
    #expect(attempt.models.cancelled == 0)
    #expect(attempt.orchestrator.journal.map(\.index) == [0, 1, 2, 3])
    // An answer that was lost leaves the worker in doubt; the outcome itself is there.
    if kind != .losesAnswers { #expect(attempt.word == "succeeded") }
    #expect(try answer(attempt) == "done")
  }

  @Test func `only the orchestrator ends a lease`() async throws {
    let lost = try await attempt([.init(seconds: 100, outcome: try .text("late"))], takeBackAt: 30)
    #expect(lost.word == "lease_lost")
    #expect(lost.models.cancelled == 1)
    #expect(lost.orchestrator.outcomes == 0)
    // The model call is broken off within a second.
    #expect((30.0...31.0).contains(lost.seconds))
    #expect(lost.orchestrator.heartbeats == 0)
  }

  @Test func `an orchestrator that takes no heartbeats of many leases gets one from each`() async throws {
    let tries = [FakeModels.Try(seconds: 100, outcome: try .text("x"))]
    let old = try await attempt(tries, batchesFrom: .infinity)
    #expect(old.word == "succeeded" && old.orchestrator.batches == 0)
    // Every third of the lease, and not more.
    #expect((15...22).contains(old.orchestrator.heartbeats))
    let lost = try await attempt(tries, takeBackAt: 30, batchesFrom: .infinity)
    #expect(lost.word == "lease_lost" && lost.seconds <= 36)
    // It is asked again now and then: it may be newer by now.
    let renewed = try await attempt(tries, batchesFrom: 20)
    #expect(renewed.word == "succeeded" && renewed.orchestrator.batches > 50)
    #expect((3...8).contains(renewed.orchestrator.heartbeats))
  }

  @Test func `an attempt that nobody waits for ends`() async throws {
    let silent = try await attempt(
      [.init(seconds: 100_000, outcome: try .text("never"))], outages: [Outage(seconds: 10...1_000_000, kind: .refuses)]
    )
    #expect(silent.word == "orchestrator_silent")
    #expect(silent.models.cancelled == 1)
    #expect(silent.seconds < 1000)
  }

  @Test func `heartbeats go on while the outcome cannot be delivered`() async throws {
    let attempt = try await attempt(
      [.init(seconds: 1, outcome: try .text("x"))], outages: [Outage(seconds: 0.5...4.5, kind: .refuses)])
    #expect(attempt.word == "succeeded")
    #expect(attempt.orchestrator.outcomes == 1)
  }

  // MARK: The llm-router is away

  @Test(
    arguments: [
      ModelOutcome.unreachable(reason: "refused"), .refusal(503, "starting", isNotServing: true),
      .refusal(503, "starting"), .refusal(503, "budget_store_unavailable", shouldRetry: true, retryAfter: 1),
      .refusal(503, "ledger_unavailable", shouldRetry: true, retryAfter: 2), .refusal(503, "llm_router_refused"),
      .refusal(503, "policy_unavailable", shouldRetry: true, retryAfter: 2),
      .refusal(429, "busy", retryAfter: 5),
    ])
  func `a router that cannot take a call is asked again within the attempt`(_ outcome: ModelOutcome) async throws {
    let away = Array(repeating: FakeModels.Try(outcome: outcome), count: 10)
    let attempt = try await attempt(away + [.init(outcome: try .text("there"))])
    #expect(attempt.word == "succeeded")
    #expect(try answer(attempt) == "there")
    #expect(attempt.models.count == 11)
    #expect(attempt.orchestrator.journal.map(\.usage.modelCalls) == [1])
  }

  @Test func `patience ends, and another attempt may do better`() async throws {
    let attempt = try await attempt([.init(outcome: .unreachable(reason: "refused"))])
    #expect(attempt.word == "failed")
    #expect(failure(attempt)?.code == "llm_router_unreachable")
    #expect(failure(attempt)?.isRetryable == true)
    #expect((100.0...125.0).contains(attempt.seconds))
    #expect(attempt.orchestrator.batches > 150)
  }

  @Test(
    arguments: [
      (ModelOutcome.refusal(503, "starting", isNotServing: true), "llm_router_unavailable"),
      (.refusal(503, "overloaded", shouldRetry: true), "llm_router_unavailable"),
      (.refusal(503, "ledger_unavailable", shouldRetry: true), "ledger_unavailable"),
      (.refusal(502, "bad_gateway"), "llm_router_unavailable"),
    ])
  func `a call that was not made says so by its code, so that the next attempt resumes`(
    _ outcome: ModelOutcome, _ code: String
  ) async throws {
    let attempt = try await attempt([.init(outcome: outcome)], policy: ModelRetryPolicy(patience: .seconds(5)))
    #expect(failure(attempt)?.code == code)
    #expect(failure(attempt)?.isRetryable == true)
    #expect(attempt.models.count > 3)
  }

  @Test func `calls that broke off are made again a few times, and counted`() async throws {
    let broken = FakeModels.Try(outcome: .broken(reason: "reset"))
    let good = try await attempt([broken, broken, .init(outcome: try .text("x"))])
    #expect(good.word == "succeeded")
    let usage = try #require(good.orchestrator.journal.first?.usage)
    #expect(usage.modelCalls == 3 && usage.unpricedCalls == 2 && usage.costMicroUSD == 5)
    let bad = try await attempt([broken])
    #expect(bad.models.count == 4)
    #expect(failure(bad)?.code == "llm_router_failed")
    #expect(failure(bad)?.isRetryable == true)
  }

  @Test(
    arguments: [
      (ModelOutcome.refusal(402, "budget_exceeded", shouldRetry: false), false),
      (.refusal(429, "budget_exceeded", shouldRetry: false), false),
      (.refusal(400, "provider_refused", shouldRetry: false), false), (.refusal(400, "invalid_request"), false),
      (.refusal(404, "model_not_found"), false), (.refusal(502, "provider_rejected_key", shouldRetry: false), false),
      (.refusal(502, "provider_failed", shouldRetry: true), true), (.refusal(500, "internal"), true),
      (.refusal(503, "providers_cooling", shouldRetry: true), true),
      (.refusal(429, "provider_rate_limited", shouldRetry: true), true), (.timedOut, true),
    ])
  func `what the router has decided is not asked again within the attempt`(
    _ outcome: ModelOutcome, _ isRetryable: Bool
  ) async throws {
    let attempt = try await attempt([.init(outcome: outcome), .init(outcome: try .text("x"))])
    #expect(attempt.models.count == 1)
    #expect(failure(attempt)?.isRetryable == isRetryable)
  }

  // MARK: What cannot be stored

  @Test func `a record that is refused fails the attempt at once and for good`() async throws {
    let attempt = try await attempt(
      [.init(outcome: try .tool()), .init(outcome: try .text("x"))],
      refusals: ["journal": .refused(code: "invalid_input", detail: "/calls/0/name")])
    #expect(attempt.word == "failed")
    #expect(failure(attempt)?.code == "record_refused")
    #expect(failure(attempt)?.isRetryable == false)
    #expect(failure(attempt)?.message.contains("/calls/0/name") == true)
    #expect(attempt.models.count == 1)
  }

  @Test func `a result that is refused becomes a failure that says so`() async throws {
    let attempt = try await attempt(
      [.init(outcome: try .text("x"))], refusals: ["result": .refused(code: "invalid_input", detail: "d")])
    #expect(attempt.word == "succeeded" || attempt.word == "failed")
    #expect(failure(attempt)?.code == "result_refused")
    #expect(attempt.orchestrator.outcomes == 2)
  }

  @Test func `a failure that is refused is not sent for ever`() async throws {
    let attempt = try await attempt(
      [.init(outcome: .refusal(400, "x"))], refusals: ["failure": .refused(code: "invalid_input", detail: "d")])
    #expect(attempt.word == "undelivered")
    #expect(attempt.orchestrator.outcomes == 2)
  }

  @Test func `an outcome that is too large for one request is sent in two`() async throws {
    let big = String(repeating: "w", count: 4 << 20)
    let attempt = try await attempt([.init(outcome: try .text(big))])
    #expect(attempt.word == "succeeded")
    #expect(attempt.orchestrator.journal.count == 1)
    #expect(try answer(attempt)?.count == big.count)
  }
}
