import Budgets
import Testing

@Suite struct BudgetsTests {
  /// 2024-02-29T23:59:59Z, the last second of a leap day.
  private let leap: Int64 = 1_709_251_199

  @Test func `windows begin and end where the calendar says`() {
    #expect(BudgetPeriod.hour.window(at: leap) == (1_709_247_600, 1_709_251_200))
    #expect(BudgetPeriod.day.window(at: leap) == (1_709_164_800, 1_709_251_200))
    #expect(BudgetPeriod.month.window(at: leap) == (1_706_745_600, 1_709_251_200))
    #expect(BudgetPeriod.month.window(at: leap + 1) == (1_709_251_200, 1_711_929_600))
    // December ends with the year.
    #expect(BudgetPeriod.month.window(at: 1_735_689_599) == (1_733_011_200, 1_735_689_600))
    #expect(BudgetPeriod.total.window(at: leap).end == nil)
  }

  @Test func `windows follow each other without gap or overlap for centuries`() {
    for period in [BudgetPeriod.hour, .day, .month] {
      var at: Int64 = -86_400 * 400
      for _ in 0..<(period == .month ? 5000 : 2000) {
        let window = period.window(at: at)
        guard let end = window.end else { break }
        #expect(window.start <= at && at < end)
        #expect(period.window(at: end - 1) == window)
        #expect(period.window(at: end).start == end)
        at = end
      }
    }
  }

  @Test func `a budget counts for whom it is meant and for nobody else`() {
    var budget = Budget(
      id: "b", tenant: "t1", scope: .agent, subject: "coder", period: .day, tokens: 10, nanoUSD: 20)
    let coder = CallSubjects(tenant: "t1", names: [.agent: "coder", .run: "r"])
    #expect(budget.counters(for: coder, at: leap).map(\.unit) == [.tokens, .nanoUSD])
    #expect(budget.counters(for: CallSubjects(tenant: "t1", names: [.agent: "other"]), at: leap).isEmpty)
    #expect(budget.counters(for: CallSubjects(tenant: "t1"), at: leap).isEmpty)
    #expect(budget.counters(for: CallSubjects(tenant: "t2", names: [.agent: "coder"]), at: leap).isEmpty)
    budget.subject = ""
    let other = budget.counters(for: CallSubjects(tenant: "t1", names: [.agent: "other"]), at: leap)
    #expect(other.first?.subject == "other")
    // Each subject and window counts on its own.
    let keys = Set(
      [
        budget.counters(for: coder, at: leap), other, budget.counters(for: coder, at: leap + 1),
      ].flatMap { $0 }.map(\.key))
    #expect(keys.count == 6)
  }
}
