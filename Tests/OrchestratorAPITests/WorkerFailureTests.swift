import Decider
import OrchestratorAPI
import Testing

@Suite struct WorkerFailureTests {
  @Test(arguments: [
    ("empty_answer", NextAttempt.continues), ("rate_limited", nil), ("provider_overloaded", nil),
    ("storage_unavailable", nil), ("something_else", .anew),
  ])
  func `the code of a failure says how the next attempt begins`(code: String, next: NextAttempt?) {
    #expect(Failure(ofWorker: code, message: "m", isRetryable: true).next == next)
  }
}
