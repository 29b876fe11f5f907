import Pricing
import Routing
import Testing

@Suite struct RouteTests {
  private static let small = ModelTarget(
    provider: "a", name: "mini", providerModel: "mini-1", tier: .small, capabilities: [.tools], contextTokens: 8000,
    outputTokensMax: 1000, price: Price(input: 100_000, output: 400_000))
  private static let smallElsewhere = ModelTarget(
    provider: "b", name: "mini", providerModel: "mini-1", tier: .small, capabilities: [.tools], contextTokens: 8000,
    outputTokensMax: 1000, price: Price(input: 90_000, output: 300_000), priority: 1, weight: 3)
  private static let medium = ModelTarget(
    provider: "a", name: "main", providerModel: "main-1", tier: .medium, capabilities: [.tools, .vision],
    contextTokens: 100_000, price: Price(input: 1_000_000, output: 4_000_000))
  private static let large = ModelTarget(
    provider: "c", name: "big", providerModel: "big-1", tier: .large,
    capabilities: [.tools, .vision, .jsonSchema, .reasoning], contextTokens: 200_000)
  private static let vectors = ModelTarget(
    provider: "a", name: "embed", providerModel: "embed-1", capabilities: [.embeddings])

  private let table = RouteTable(
    targets: [small, smallElsewhere, medium, large, vectors],
    aliases: [
      "work": AliasRule(models: ["mini", "main"], strategy: .cheapest, fallbacks: ["big"]),
      "spread": AliasRule(models: ["mini"], strategy: .weighted),
      "long": AliasRule(models: ["mini"], contextFallbacks: ["main"], contentFallbacks: ["big"]),
    ])

  private func plan(
    _ query: RouteQuery, random: UInt64 = 7, health: @escaping (TargetID) -> TargetHealth = { _ in TargetHealth() }
  ) throws -> [String] {
    try table.route(query, random: random, health: health).targets.map { "\($0.provider)/\($0.name)" }
  }

  @Test func `a name leads to its providers by priority, no name to the first model`() throws {
    #expect(try plan(RouteQuery(model: "mini")) == ["a/mini", "b/mini"])
    #expect(try plan(RouteQuery(model: "")) == ["a/mini", "b/mini"])
    #expect(try plan(RouteQuery(model: "default")) == ["a/mini", "b/mini"])
  }

  @Test func `the same input gives the same plan`() throws {
    for seed in 0..<200 as Range<UInt64> {
      let query = RouteQuery(model: "spread")
      #expect(try plan(query, random: seed) == plan(query, random: seed))
    }
  }

  @Test func `weights are kept`() throws {
    var first = 0
    for seed in 0..<4000 as Range<UInt64> where try plan(RouteQuery(model: "spread"), random: seed)[0] == "b/mini" {
      first += 1
    }
    #expect((2850...3150).contains(first), "\(first) of 4000 where 3000 are due")
  }

  @Test func `cheapest, fastest and least busy put the right one first`() throws {
    #expect(try plan(RouteQuery(model: "work")) == ["b/mini", "a/mini", "a/main", "c/big"])
    let health: (TargetID) -> TargetHealth = { id in
      TargetHealth(inFlight: id.provider == "a" ? 2 : 3, firstTokenMicroseconds: id.provider == "a" ? 900 : 300)
    }
    #expect(try plan(RouteQuery(model: "mini", strategy: .fastest), health: health).first == "b/mini")
    // Three calls on a weight of three are fewer than two on one.
    #expect(try plan(RouteQuery(model: "mini", strategy: .leastBusy), health: health).first == "b/mini")
    #expect(try plan(RouteQuery(model: "mini", strategy: .priority), health: health).first == "a/mini")
  }

  @Test func `a target behind an open breaker comes last, and is not lost`() throws {
    let health: (TargetID) -> TargetHealth = { TargetHealth(isOpen: $0.provider == "a") }
    #expect(try plan(RouteQuery(model: "mini"), health: health) == ["b/mini", "a/mini"])
    let all: (TargetID) -> TargetHealth = { _ in TargetHealth(isOpen: true) }
    #expect(try plan(RouteQuery(model: "mini"), health: all) == ["a/mini", "b/mini"])
  }

  @Test func `only what can do it is asked`() throws {
    #expect(try plan(RouteQuery(model: "work", needs: [.vision])) == ["a/main", "c/big"])
    #expect(throws: RouteRefusal.lacking("mini", [.vision])) { try plan(RouteQuery(model: "mini", needs: [.vision])) }
    #expect(throws: RouteRefusal.lacking("embed", [])) { try plan(RouteQuery(model: "embed")) }
    #expect(try plan(RouteQuery(model: "embed", needs: [.embeddings])) == ["a/embed"])
  }

  @Test func `a prompt that is too long goes to the fallback for long ones, or is refused with numbers`() throws {
    #expect(try plan(RouteQuery(model: "long", promptTokens: 20_000)) == ["a/main"])
    #expect(throws: RouteRefusal.contextTooLong(20_000, 8000)) {
      try plan(RouteQuery(model: "mini", promptTokens: 20_000))
    }
    // The answer needs room too, but no more than the model can give.
    #expect(throws: RouteRefusal.contextTooLong(14_500, 8000)) {
      try plan(RouteQuery(model: "mini", promptTokens: 14_500, outputTokens: 50_000))
    }
    // An estimate refuses only what is surely too long.
    #expect(try plan(RouteQuery(model: "mini", promptTokens: 9000)).count == 2)
    #expect(try plan(RouteQuery(model: "long", promptTokens: 9000)) == ["a/main"])
    #expect(try plan(RouteQuery(model: "mini", promptTokens: 6900, outputTokens: 50_000)).count == 2)
  }

  @Test func `tiers: the larger stands in, then the smaller`() throws {
    #expect(try plan(RouteQuery(model: "tier:small")) == ["b/mini", "a/mini", "a/main", "c/big"])
    #expect(try plan(RouteQuery(model: "tier:medium")) == ["a/main", "c/big", "b/mini", "a/mini"])
    #expect(try plan(RouteQuery(model: "tier:small", needs: [.reasoning])) == ["c/big"])
    #expect(throws: RouteRefusal.badTier("tier:huge")) { try plan(RouteQuery(model: "tier:huge")) }
  }

  @Test func `auto goes by the complexity of the caller, else by size`() throws {
    #expect(try plan(RouteQuery(model: "auto")).first == "b/mini")
    #expect(try plan(RouteQuery(model: "auto", complexity: .high)).first == "c/big")
    #expect(try plan(RouteQuery(model: "auto", promptTokens: 3000)).first == "a/main")
    #expect(try plan(RouteQuery(model: "auto", promptTokens: 90_000)).first == "c/big")
    let plan = try table.route(RouteQuery(model: "auto", complexity: .low), random: 1) { _ in TargetHealth() }
    #expect(plan.tier == .small && plan.reason == "auto, complexity low, small")
  }

  @Test func `a key opens what it names only`() throws {
    #expect(throws: RouteRefusal.notAllowed("big")) { try plan(RouteQuery(model: "big", allowed: ["mini"])) }
    #expect(try plan(RouteQuery(model: "mini", allowed: ["mini"])).count == 2)
    #expect(try plan(RouteQuery(model: "work", allowed: ["work"])).count == 4)
    #expect(throws: RouteRefusal.notAllowed("work")) { try plan(RouteQuery(model: "work", allowed: ["mini"])) }
    #expect(throws: RouteRefusal.unknownModel("nothing")) { try plan(RouteQuery(model: "nothing")) }
  }
}
