import Budgets
import Postgres
import Redis
import Testing

@testable import Spending

/// Replies and arguments of scripts: the text of a script and its reader go by one declaration.
@Suite struct ScriptTests {
  private static func value(_ elements: Any...) -> RedisValue {
    .array(
      elements.map { element in
        (element as? Int).map { RedisValue.integer(Int64($0)) } ?? .bulk(Array("\(element)".utf8))
      })
  }

  @Test func `every reply to a reservation is read`() throws {
    func reply(_ value: RedisValue) throws -> ReserveReply { try ReserveReply(value, counters: 2) }
    #expect(
      try reply(Self.value(0, "7", "5", 100, "8", "0", 50))
        == .reserved([
          ReserveReply.Grant(generation: 7, extra: 5, value: 100),
          ReserveReply.Grant(generation: 8, extra: 0, value: 50),
        ]))
    #expect(try reply(Self.value(1, 2, "99")) == .exhausted(1, value: 99))
    #expect(try reply(Self.value(2, 1)) == .missing(0))
    #expect(try reply(Self.value(3, 2, "123")) == .otherGeneration(1, 123))
    #expect(try reply(Self.value(4, 1)) == .unreturned(0))
    #expect(try reply(Self.value(5, 2)) == .building(1))
  }

  @Test func `a reply that makes no sense is an error and never a reservation`() {
    let wrong: [RedisValue] = [
      Self.value(), Self.value(9), Self.value("x"), Self.value(0), Self.value(0, "7", "5", 100),
      Self.value(0, "7", "5", 100, "8", "x", 50), Self.value(1, 3, "99"), Self.value(1, 0, "99"), Self.value(1, 2),
      Self.value(2), Self.value(3, 1), .null, .integer(0),
    ]
    for value in wrong {
      #expect(throws: RedisError.self, "\(value)") { try ReserveReply(value, counters: 2) }
    }
  }

  @Test func `every reply to the begin of building is read`() throws {
    #expect(try SeedReply(Self.value(0, "7")) == .present)
    #expect(try SeedReply(Self.value(1)) == .building)
    #expect(try SeedReply(Self.value(2)) == .begun)
    #expect(throws: RedisError.self) { try SeedReply(Self.value(3)) }
    #expect(throws: RedisError.self) { try SeedReply(Self.value()) }
  }

  @Test func `every reply of rate limits is read`() throws {
    #expect(try RateLimitReply(Self.value("0", 0), limits: 2) == .acquired)
    #expect(try RateLimitReply(Self.value("2500", 2), limits: 2) == .limited(1, microseconds: 2500))
    for value in [Self.value("2500", 3), Self.value("2500", 0), Self.value("2500"), Self.value("x", 1), .null] {
      #expect(throws: RedisError.self) { try RateLimitReply(value, limits: 2) }
    }
  }

  @Test func `scripts answer with every code that is read`() {
    let reserve = BudgetScripts.reserve.source
    #expect(reserve.contains("local found, values = {0}, {}"))
    for code in ReserveReply.Code.allCases where code != .reserved {
      #expect(reserve.contains("return {\(code.rawValue), i"), "\(code)")
    }
    for code in SeedReply.Code.allCases {
      #expect(BudgetScripts.seed.source.contains("return {\(code.rawValue)"), "\(code)")
    }
  }

  @Test func `a script's arguments stand where they are sent`() {
    #expect(BudgetScripts.ReserveField.allCases.map(\.description) == [3, 2, 1, 0].map { "ARGV[i * 4 - \($0)]" })
    #expect(BudgetScripts.ReserveField.next == "ARGV[#KEYS * 4 + 1]")
    let sent = BudgetScripts.SettleField.arguments { field in
      switch field {
      case .generation: "g"
      case .reserved: "r"
      case .used: "u"
      }
    }
    #expect(sent == ["g", "r", "u"])
    #expect(BudgetScripts.SettleField.used.description == "ARGV[i * 3 - 0]")
    #expect(BudgetScripts.reserve.source.contains("/ \(PrefetchedQuota.keepDivisor))"))
    #expect(!BudgetScripts.reserve.source.contains("\\("))
  }

  @Test func `the statements of budgets and rate limits are declared without a fault`() {
    #expect(BudgetStore.Statements.faults == [])
    #expect(RateLimitStore.Statements.faults == [])
  }
}
