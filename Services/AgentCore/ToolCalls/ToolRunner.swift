public import AgentTools
public import AgentWorkspace
public import Contracts
internal import JSON
internal import Primitives
internal import Synchronization
public import Telemetry

/// Finds, checks, decides and makes the tool calls of all steps of a process.
public final class ToolRunner: ToolCalling {
  let providers: [any ToolProvider]
  let policy: any ToolPolicy
  let allowedRisks: Set<ToolRisk>
  let artefacts: (any ArtefactStoring)?
  let clock: any ToolClock
  let telemetry: Telemetry
  let metrics: ToolMetrics
  let breakers = Mutex(CircuitBreakers())
  private let schemas = SchemaCache()

  /// Makes a runner. Of two tools of one name that of the first provider stays. `allowedRisks` are those of tools that
  /// are offered at all; `artefacts` is where results go that are too long for a model.
  public init(
    providers: [any ToolProvider], policy: any ToolPolicy, allowedRisks: Set<ToolRisk> = Set(ToolRisk.allCases),
    artefacts: (any ArtefactStoring)? = nil, clock: any ToolClock = SystemToolClock(), telemetry: Telemetry
  ) {
    self.providers = providers
    self.policy = policy
    self.allowedRisks = allowedRisks
    self.artefacts = artefacts
    self.clock = clock
    self.telemetry = telemetry
    metrics = ToolMetrics(telemetry.registry)
    telemetry.registry.observeGauge(
      "cadre_tool_circuits_open", help: "Tools of tenants that are not called at the moment because they kept failing."
    ) { [weak self] in
      guard let self else { return 0 }
      let now = self.clock.now()
      return Double(self.breakers.withLock { $0.openCount(at: now) })
    }
  }

  /// As `ToolCalling` says. Tools whose risk is not allowed are not there.
  public func catalog(for context: ToolContext, wanted: [String]?) async throws -> ToolCatalog {
    if wanted?.isEmpty == true { return ToolCatalog([]) }
    var available: [ToolCatalog.Entry] = []
    for provider in providers {
      for (definition, executor) in try await provider.tools(for: context, wanted: wanted)
      where allowedRisks.contains(definition.risk) {
        available.append(ToolCatalog.Entry(definition, executor))
      }
    }
    let (places, missing) = ToolSelection.select(wanted, from: available.map(\.definition))
    return ToolCatalog(places.map { available[$0] }, missing: missing)
  }

  // MARK: Decisions

  /// As `ToolCalling` says.
  public func decide(
    _ request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, earlier: ToolCallHistory
  ) async -> ToolVerdict {
    let verdict = await verdict(on: request, in: catalog, context, earlier)
    let word: String =
      switch verdict.action {
      case .run: "run"
      case .deny(let result): result.code ?? "denied"
      case .ask: "ask"
      case .answerFromBefore: "answered_before"
      }
    metrics.decided(verdict.definition, word)
    return verdict
  }

  private func verdict(
    on request: ToolRequest, in catalog: ToolCatalog, _ context: ToolContext, _ earlier: ToolCallHistory
  ) async -> ToolVerdict {
    guard let entry = catalog.entry(request.name) else {
      return ToolVerdict(.deny(ToolDecider.unknown(request.name, catalog)))
    }
    let definition = entry.definition
    guard let schema = schemas.schema(of: definition) else {
      return ToolVerdict(
        .deny(.failure(.unavailable, "the schema of \(definition.name) cannot be read")), definition: definition)
    }
    let arguments: JSONDocument
    switch ToolArguments.read(request.arguments, for: definition, schema: schema) {
    case .success(let document): arguments = document
    case .failure(let error):
      return ToolVerdict(.deny(.failure(.invalidArguments, error.message)), definition: definition)
    }
    let decision = await policy.decide(
      ToolPolicyInput(definition: definition, arguments: arguments, approve: request.approve), context)
    switch ToolDecider.approval(decision, definition, arguments, request.answers) {
    case .refused(let result): return ToolVerdict(.deny(result), decision: decision, definition: definition)
    case .needed(let ask): return ToolVerdict(.ask(ask), decision: decision, definition: definition)
    case .granted: break
    }
    let digest = ToolDigest.digest(request.name, request.arguments)
    if case .repeatable = ToolCallHistory.Effect(definition), let index = earlier.index(of: digest) {
      return ToolVerdict(.answerFromBefore(index), decision: decision, definition: definition)
    }
    let key = CircuitBreakers.Key(tenant: context.tenant, definition, arguments)
    let now = clock.now()
    guard breakers.withLock({ $0.wouldAdmit(key, at: now) }) else {
      return ToolVerdict(.deny(ToolRunner.circuitOpen(definition)), decision: decision, definition: definition)
    }
    return ToolVerdict(
      .run(
        DecidedToolCall(
          definition: definition, arguments: arguments, digest: digest, idempotencyKey: request.idempotencyKey,
          answers: request.answers, executor: entry.executor)), decision: decision, definition: definition)
  }

  static func circuitOpen(_ definition: ToolDefinition) -> ToolResult {
    .failure(
      .circuitOpen,
      "\(definition.name)\(definition.source == .builtIn && definition.risk == .network ? " of this host" : "") failed repeatedly and is not called for a while; go on without it or try later"
    )
  }
}
