import Contracts
import SystemSources
import Testing

@Suite struct IdentifierTests {
  @Test func `text carries the prefix and reads back`() {
    let id = RunID.make()
    #expect(id.description.hasPrefix("run_"))
    #expect(id.description.utf8.count == 36)
    #expect(RunID(id.description) == id)
    #expect(TaskID(id.description) == nil, "an id of another kind is not accepted")
  }

  @Test(arguments: [
    "", "run_", "run_019387a2c1d47b3e8f2a4c6d8e0f1a2", "run-019387a2c1d47b3e8f2a4c6d8e0f1a2b",
    "run_019387a2-c1d4-7b3e-8f2a-4c6d8e0f1a2b", "run_019387a2c1d47b3e8f2a4c6d8e0f1a2g",
  ])
  func `refuses malformed text`(text: String) {
    #expect(RunID(text) == nil)
  }
}

@Suite struct UsageTests {
  @Test func `sums saturate instead of trapping`() {
    let sum = Usage(inputTokens: .max, costMicroUSD: 5) + Usage(inputTokens: 1, costMicroUSD: 6, modelCalls: 1)
    #expect(sum == Usage(inputTokens: .max, costMicroUSD: 11, modelCalls: 1))
  }
}
