import AgentLoop
import Contracts
import JSON
import Primitives
import Synchronization
import Telemetry

@testable import AgentWorker

/// A llm-router in memory: each try takes its time and has its outcome; the last one is repeated.
final class FakeModels: ModelTransport {
  struct Try: Sendable {
    var seconds = 0.0
    var outcome: ModelOutcome
  }

  private let clock: VirtualClock
  private let tries: [Try]
  private let made = Mutex<Int>(0)
  private let cancellations = Mutex<Int>(0)

  init(_ clock: VirtualClock, _ tries: [Try]) {
    self.clock = clock
    self.tries = tries
  }

  var count: Int { made.withLock { $0 } }
  var cancelled: Int { cancellations.withLock { $0 } }

  func send(_ request: [UInt8], for step: LeasedStep, trace: TraceContext) async throws -> ModelOutcome {
    let number = made.withLock { made in
      made += 1
      return made - 1
    }
    let one = tries[min(number, tries.count - 1)]
    do { try await clock.sleep(for: .seconds(one.seconds)) } catch {
      cancellations.withLock { $0 += 1 }
      throw error
    }
    return one.outcome
  }
}

extension ModelOutcome {
  static func text(_ text: String) throws -> ModelOutcome {
    .answered(
      ModelReply(
        document: try JSONDocument(
          parsing: "{\"choices\":[{\"message\":{\"content\":\"\(text)\"},\"finish_reason\":\"stop\"}]}"), model: "m",
        usage: Usage(inputTokens: 1, outputTokens: 1, costMicroUSD: 5, modelCalls: 1), milliseconds: 1))
  }

  static func tool() throws -> ModelOutcome {
    .answered(
      ModelReply(
        document: try JSONDocument(
          parsing:
            #"{"choices":[{"message":{"tool_calls":[{"id":"a","function":{"name":"calculator","arguments":"{\"expression\":\"1+1\"}"}}]},"finish_reason":"tool_calls"}]}"#
        ), model: "m", usage: Usage(inputTokens: 1, outputTokens: 1, modelCalls: 1), milliseconds: 1))
  }

  static func refusal(
    _ status: Int, _ code: String, shouldRetry: Bool? = nil, retryAfter: Int64? = nil, isNotServing: Bool = false
  ) -> ModelOutcome {
    .refused(
      ModelRefusal(
        status: status, code: code, message: "m", shouldRetry: shouldRetry, retryAfterSeconds: retryAfter,
        isNotServing: isNotServing))
  }
}

extension LeasedStep {
  static func sample(
    lease: Int64 = 15_000, token: UUID = UUID(high: 0x0193_87a2_c1d4_7b3e, low: 0x8f2a_4c6d_8e0f_1a2b)
  ) throws -> LeasedStep {
    guard let step = try parse(lease: lease, token: token.description) else { throw CancellationError() }
    return step
  }

  /// A lease with parts of its document replaced; `nil` when it cannot be read.
  static func parse(
    lease: Int64 = 15_000, input: String = "{\"prompt\":\"p\"}", journal: String = "[]", more: String = "",
    token: String = "019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2b"
  ) throws -> LeasedStep? {
    let text = """
      {"step_id":"step_00000000000070008000000000000001","run_id":"run_00000000000070008000000000000002",\
      "task_id":"task_00000000000070008000000000000003","tenant_id":"tenant_00000000000070008000000000000004",\
      "step":"a","attempt":1,"token":"\(token)","lease_ms":\(lease),\
      "deadline":"2026-11-20T22:34:05.123Z","assertion":"v1.a","input":\(input),"journal":\(journal)\(more)}
      """
    return StepLease(try JSONDocument(parsing: text).root).flatMap { LeasedStep($0) }
  }
}
