import Contracts
import OrchestratorAPI
import Testing

@Suite struct QuestionLimitTests {
  private func ask(_ expires: Int64?) -> StepAsk {
    StepAsk(key: "k", kind: .question, subject: Array("1".utf8), expiresMilliseconds: expires)
  }

  @Test func `a question waits as long as it says, or as the installation does; zero is for ever`() {
    let limit = QuestionLimit(.seconds(60))
    #expect(limit.milliseconds(of: ask(nil)) == 60_000)
    #expect(limit.milliseconds(of: ask(5)) == 5)
    #expect(limit.milliseconds(of: ask(0)) == nil)
    #expect(QuestionLimit(.zero).milliseconds(of: ask(nil)) == nil)
    #expect(QuestionLimit(.zero).milliseconds(of: ask(5)) == 5)
  }
}
