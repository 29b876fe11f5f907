internal import Pricing

/// All that can be asked for. A value: the same table, query, health and random number give the same plan.
public struct RouteTable: Sendable {
  /// Prompts of up to this many tokens are small work when no usage is reported more.
  private static let smallPromptTokens: Int64 = 2000
  /// From this many tokens on they are large work.
  private static let largePromptTokens: Int64 = 32_000

  private let targets: [String: [ModelTarget]]
  private let aliases: [String: AliasRule]
  private let standard: String
  /// The names of all models in order of declaration, without repetition.
  public let models: [String]
  /// The names of all aliases.
  public let aliasNames: [String]

  /// A table. `standard` is what stands for no name and `default`; empty: the first model.
  public init(targets list: [ModelTarget], aliases: [String: AliasRule] = [:], standard: String = "") {
    var names: [String] = []
    var targets: [String: [ModelTarget]] = [:]
    for target in list {
      if targets[target.name] == nil { names.append(target.name) }
      targets[target.name, default: []].append(target)
    }
    self.targets = targets
    self.aliases = aliases
    models = names
    aliasNames = aliases.keys.sorted()
    self.standard =
      standard.isEmpty ? names.first { targets[$0]?.first?.capabilities != [.embeddings] } ?? "" : standard
  }

  /// The first target of a model's name.
  public func target(_ name: String) -> ModelTarget? { targets[name]?.first }

  /// All that a name may lead to, fallbacks too.
  public func targets(named name: String) -> [ModelTarget] {
    guard let rule = aliases[name] else { return targets[name] ?? [] }
    return (rule.models + rule.fallbacks + rule.contextFallbacks).flatMap { targets[$0] ?? [] }
  }

  /// Chooses. `random` decides between equals; `health` is asked for what is known of a target now. Throws
  /// `RouteRefusal`.
  public func route(
    _ query: RouteQuery, random: UInt64, health: @escaping (TargetID) -> TargetHealth
  ) throws(RouteRefusal) -> RoutePlan {
    let asked = query.model.isEmpty || query.model == "default" ? standard : query.model
    if let allowed = query.allowed, !allowed.contains(asked), !allowed.contains(query.model) {
      throw .notAllowed(query.model)
    }
    let orderer = Orderer(query: query, random: random, health: health)
    if asked == "auto" || asked.hasPrefix("tier:") { return try byTier(asked, query, orderer) }
    let rule = aliases[asked]
    guard rule != nil || targets[asked] != nil else { throw .unknownModel(asked) }
    let primary = (rule?.models ?? [asked]).flatMap { targets[$0] ?? [] }
    let fallbacks = (rule?.fallbacks ?? []).flatMap { targets[$0] ?? [] }
    let long = (rule?.contextFallbacks ?? []).flatMap { targets[$0] ?? [] }
    let content = (rule?.contentFallbacks ?? []).flatMap { targets[$0] ?? [] }
    let strategy = query.strategy ?? rule?.strategy ?? .priority
    var fitting = orderer.fitting(primary)
    var back = orderer.fitting(fallbacks)
    let fittingLong = orderer.fitting(long)
    var reason = rule == nil ? "model" : "alias"
    if fitting.isEmpty, !fittingLong.isEmpty, !primary.isEmpty {
      fitting = fittingLong
      reason += ", prompt too long"
    }
    if fitting.isEmpty, back.isEmpty {
      // The estimate errs upwards: what may fit is asked, and its provider counts.
      fitting = orderer.fitting(primary, surely: false)
      back = orderer.fitting(fallbacks, surely: false)
    }
    guard !fitting.isEmpty || !back.isEmpty else { throw orderer.refusal(asked, primary + fallbacks) }
    let ordered = orderer.ordered(fitting, strategy) + orderer.ordered(back, Strategy.priority)
    return RoutePlan(
      targets: orderer.healthyFirst(ordered), contextFallbacks: orderer.healthyFirst(fittingLong),
      contentFallbacks: orderer.healthyFirst(orderer.fitting(content)), reason: "\(reason), \(strategy.rawValue)",
      tier: nil, alias: rule == nil ? nil : asked, hedgeMilliseconds: rule?.hedgeMilliseconds,
      escalation: orderer.fitting((rule?.escalation ?? []).flatMap { targets[$0] ?? [] }), rescue: rule?.rescue)
  }

  private func byTier(_ asked: String, _ query: RouteQuery, _ orderer: Orderer) throws(RouteRefusal) -> RoutePlan {
    var reason: String
    let wanted: Tier
    if asked == "auto" {
      if let complexity = query.complexity {
        wanted = complexity.tier
        reason = "auto, complexity \(complexity.rawValue)"
      } else {
        wanted =
          query.promptTokens >= RouteTable.largePromptTokens
          ? .large : query.promptTokens >= RouteTable.smallPromptTokens || !query.needs.isEmpty ? .medium : .small
        reason = "auto, prompt of \(query.promptTokens) tokens"
      }
    } else {
      guard let tier = Tier(rawValue: String(asked.dropFirst("tier:".count))) else { throw .badTier(asked) }
      wanted = tier
      reason = "tier"
    }
    let all = models.flatMap { targets[$0] ?? [] }
    // Larger tiers stand in for smaller ones before smaller ones stand in for larger ones.
    let order = Tier.allCases.filter { $0 >= wanted } + Tier.allCases.filter { $0 < wanted }.reversed()
    var ordered: [ModelTarget] = []
    for tier in order {
      ordered += orderer.ordered(orderer.fitting(all.filter { $0.tier == tier }), query.strategy ?? .cheapest)
    }
    if ordered.isEmpty { ordered = orderer.fitting(all.filter { $0.tier != nil }, surely: false) }
    guard let best = ordered.first, let tier = best.tier else {
      throw orderer.refusal(asked, all.filter { $0.tier != nil })
    }
    if tier != wanted { reason += ", no fitting model in \(wanted.rawValue)" }
    let larger = Tier.allCases.filter { $0 > tier }.compactMap { next in ordered.first { $0.tier == next } }
    return RoutePlan(
      targets: orderer.healthyFirst(ordered), contextFallbacks: [], contentFallbacks: [],
      reason: "\(reason), \(tier.rawValue)", tier: tier, alias: nil, hedgeMilliseconds: nil, escalation: larger)
  }
}

/// Filters and orders targets for one query.
private struct Orderer {
  let query: RouteQuery
  let random: UInt64
  let health: (TargetID) -> TargetHealth

  /// Those that can do what is needed and are long enough.
  func fitting(_ targets: [ModelTarget], surely: Bool = true) -> [ModelTarget] {
    targets.filter { canDo($0) && isLongEnough($0, surely: surely) && isAllowed($0) }
  }

  private func isAllowed(_ target: ModelTarget) -> Bool {
    guard let allowed = query.allowed else { return true }
    return allowed.contains(target.name) || allowed.contains(query.model)
  }

  private func canDo(_ target: ModelTarget) -> Bool {
    guard let capabilities = target.capabilities else { return true }
    if capabilities.contains(.embeddings) != query.needs.contains(.embeddings) { return false }
    return query.needs.isSubset(of: capabilities)
  }

  /// `surely`: by the estimate, which errs upwards by less than two times.
  private func isLongEnough(_ target: ModelTarget, surely: Bool) -> Bool {
    guard let limit = target.contextTokens else { return true }
    let prompt = surely ? query.promptTokens : query.promptTokens / 2
    let (sum, overflow) = prompt.addingReportingOverflow(min(query.outputTokens ?? 1, target.outputTokensMax ?? .max))
    return !overflow && sum <= limit
  }

  func refusal(_ asked: String, _ targets: [ModelTarget]) -> RouteRefusal {
    let able = targets.filter(canDo)
    if targets.isEmpty { return .unknownModel(asked) }
    if able.isEmpty { return .lacking(asked, query.needs) }
    let long = able.filter { isLongEnough($0, surely: false) }
    if long.isEmpty { return .contextTooLong(query.promptTokens, able.compactMap(\.contextTokens).max() ?? 0) }
    return .notAllowed(asked)
  }

  func ordered(_ targets: [ModelTarget], _ strategy: Strategy) -> [ModelTarget] {
    guard targets.count > 1 else { return targets }
    switch strategy {
    case .weighted: return shuffled(targets)
    case .priority:
      var result: [ModelTarget] = []
      for priority in Set(targets.map(\.priority)).sorted() {
        result += shuffled(targets.filter { $0.priority == priority })
      }
      return result
    case .cheapest:
      return sorted(targets) { $0.price?.nanoUSDMax(prompt: query.promptTokens, output: expected) ?? .max }
    case .fastest: return sorted(targets) { health($0.id).firstTokenMicroseconds }
    case .leastBusy: return sorted(targets) { Int64(health($0.id).inFlight) * 1000 / Int64(max(1, $0.weight)) }
    }
  }

  /// What an answer has when no usage is reported; only the proportion of prices matters.
  private var expected: Int64 { query.outputTokens ?? max(256, query.promptTokens / 4) }

  /// By a measure; equals keep the order of a shuffle by weight.
  private func sorted(_ targets: [ModelTarget], by measure: (ModelTarget) -> Int64) -> [ModelTarget] {
    let mixed = shuffled(targets)
    return mixed.enumerated().map { (measure($0.element), $0.offset, $0.element) }
      .sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  /// At random by weight, each draw without those drawn before.
  private func shuffled(_ targets: [ModelTarget]) -> [ModelTarget] {
    guard targets.count > 1 else { return targets }
    var state = random
    var rest = targets
    var result: [ModelTarget] = []
    while rest.count > 1 {
      // SplitMix64: one number of the caller's is enough for the whole order.
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      mixed ^= mixed >> 31
      let total = rest.reduce(0) { $0 + max(0, $1.weight) }
      var spot = total == 0 ? 0 : Int(mixed % UInt64(total))
      var index = 0
      while index < rest.count - 1, spot >= max(0, rest[index].weight) {
        spot -= max(0, rest[index].weight)
        index += 1
      }
      result.append(rest.remove(at: index))
    }
    return result + rest
  }

  /// What a breaker has shut off comes last: it is tried only when nothing else is left.
  func healthyFirst(_ targets: [ModelTarget]) -> [ModelTarget] {
    var seen: Set<TargetID> = []
    let unique = targets.filter { seen.insert($0.id).inserted }
    return unique.filter { !health($0.id).isOpen } + unique.filter { health($0.id).isOpen }
  }
}
