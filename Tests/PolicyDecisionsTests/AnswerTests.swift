import PolicyDecisions
import Testing

@Suite("Policy answers")
struct AnswerTests {
  @Test func `only allow allows`() {
    for effect in PolicyEffect.allCases { #expect(PolicyAnswer(effect: effect).isAllowed == (effect == .allow)) }
  }
}
