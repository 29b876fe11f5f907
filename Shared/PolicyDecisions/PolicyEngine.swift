internal import Policy
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// Decides: by a bundle in process or by an OPA server, with a cache, modes, and a decision log.
public final class PolicyEngine: PolicyDeciding {
  /// Largest input as canonical bytes. Larger questions are refused.
  public static let inputBytesMax = 1 << 20

  /// Switches and data of tenants.
  public let control: PolicyControl
  private let source: any PolicySource
  private let bundles: BundleSource?
  private let cache: DecisionCache?
  private let log: DecisionLog?
  private let timeout: Duration
  private let metrics: PolicyMetrics
  private let telemetry: Telemetry
  private let lastFault = Mutex<String?>(nil)

  init(
    source: any PolicySource, control: PolicyControl, cacheEntries: Int = 50_000, log: DecisionLog? = nil,
    timeout: Duration = .milliseconds(250), telemetry: Telemetry
  ) {
    self.source = source
    self.control = control
    bundles = source as? BundleSource
    cache = cacheEntries > 0 ? DecisionCache(entriesMax: cacheEntries) : nil
    self.log = log
    self.timeout = timeout
    self.telemetry = telemetry
    let metrics = PolicyMetrics(telemetry.registry)
    self.metrics = metrics
    log?.countDrops { metrics.dropped.add(UInt64($0)) }
    let cache = cache
    telemetry.registry.observeGauge("cadre_policy_cached_decisions", help: "Decisions that are remembered.") {
      Double(cache?.count ?? 0)
    }
    telemetry.registry.observeGauge(
      "cadre_policy_halted", help: "1 while everything but reading is refused, else 0."
    ) { control.switches.isHalted ? 1 : 0 }
  }

  /// Makes an engine that decides by a bundle in process.
  public convenience init(
    bundle: PolicyBundle, control: PolicyControl = PolicyControl(), log: DecisionLog? = nil,
    timeout: Duration = .milliseconds(250), telemetry: Telemetry
  ) {
    self.init(
      source: BundleSource(bundle), control: control, log: log, timeout: timeout, telemetry: telemetry)
  }

  // MARK: Decisions

  /// As `PolicyDeciding` says.
  public func decide(_ query: PolicyQuery) async -> PolicyAnswer {
    let (switches, data) = control.snapshot(for: query.tenant)
    let mode = switches.mode(for: query.tenant)
    if switches.isHalted, !query.isReading {
      return answer(query, PolicyDecision(.halted), .enforce, revision: source.revision() ?? "", isFromCache: false)
    }
    guard mode != .off else { return PolicyAnswer(effect: .allow, mode: .off) }
    guard let revision = source.revision() else {
      return answer(query, PolicyDecision(.unavailable, "no policies"), mode, revision: "", isFromCache: false)
    }
    let key = query.key(policy: revision, data: data?.revision ?? "")
    guard key.bytes.count <= PolicyEngine.inputBytesMax else {
      return answer(query, PolicyDecision(.tooLarge), mode, revision: revision, isFromCache: false)
    }
    let started = MonotonicClock.now()
    let lifetime = source.cacheNanoseconds(query.path)
    if lifetime > 0, let known = cache?.decision(for: key, now: started) {
      return answer(query, known, mode, revision: revision, isFromCache: true)
    }
    let decision: PolicyDecision
    if let quick = source.decideAtOnce(query, data) {
      decision = quick
    } else {
      let span = telemetry.tracer.startSpan("policy.decide", parent: query.trace)
      span.setAttribute("cadre.policy.document", .string(PolicyMetrics.label(query.path)))
      span.setAttribute("cadre.policy.source", .string(source.name))
      decision = await source.decide(query, data, timeout: timeout)
      if let fault = decision.fault { span.recordError(type: fault.rawValue, message: decision.message) }
      span.end()
    }
    let nanoseconds = MonotonicClock.now() &- started
    metrics.took(PolicyMetrics.label(query.path), source.name, nanoseconds: nanoseconds)
    // The bundle may have been replaced meanwhile: then nobody knows which one has decided.
    if lifetime > 0, decision.isRepeatable, source.revision() == revision {
      cache?.insert(decision, for: key, expires: lifetime == .max ? .max : started &+ lifetime)
    }
    return answer(
      query, decision, mode, revision: revision, isFromCache: false, dataRevision: data?.revision,
      nanoseconds: nanoseconds)
  }

  /// Applies the mode, counts and logs.
  private func answer(
    _ query: PolicyQuery, _ decision: PolicyDecision, _ mode: PolicyMode, revision: String, isFromCache: Bool,
    dataRevision: String? = nil, nanoseconds: UInt64 = 0
  ) -> PolicyAnswer {
    let answer = PolicyAnswer(
      effect: mode == .enforce ? decision.effect : .allow, decided: decision.effect, reasons: decision.reasons,
      fault: decision.fault, rule: decision.rule, decisionID: UUID.version7().description, mode: mode,
      revision: revision, isFromCache: isFromCache)
    metrics.decided(PolicyMetrics.label(query.path), decision, mode, isFromCache: isFromCache)
    if let fault = decision.fault { report(fault, decision.message, query) }
    log?.write(
      DecisionRecord(
        query: query, answer: answer, result: decision.result, message: decision.message,
        dataRevision: dataRevision ?? "", nanoseconds: nanoseconds, time: WallClock.now()))
    return answer
  }

  /// Faults of the policies themselves are for operators; that no rule allows something is not.
  private func report(_ fault: PolicyFault, _ message: String, _ query: PolicyQuery) {
    guard fault != .undefined, fault != .halted else { return }
    lastFault.withLock { $0 = "\(fault.rawValue): \(message)" }
    telemetry.logger.warning(
      "a policy gave no decision",
      [
        "document": .string(PolicyMetrics.label(query.path)), "fault": .string(fault.rawValue),
        "reason": .string(message),
      ])
  }

  /// Whether the rules of a document read a member of the input; `true` when that is not known.
  public func reads(_ member: String, at path: [String]) -> Bool { bundles?.reads(member, at: path) ?? true }

  // MARK: Bundles

  /// The bundle that is loaded; `nil` when there is none, or a server decides.
  public var bundle: PolicyBundle? { bundles?.bundle }

  /// Decides by another bundle from the next question on. What was remembered of the old one is not found any more.
  public func replace(_ bundle: PolicyBundle) {
    guard let bundles else { return }
    bundles.replace(bundle)
    cache?.removeAll()
    metrics.loaded()
    telemetry.logger.info(
      "policies loaded", ["revision": .string(bundle.revision), "modules": .int(Int64(bundle.modules))])
  }

  /// A bundle could not be loaded: the old one stays.
  func refused(_ error: PolicyBundleError) {
    metrics.refused()
    lastFault.withLock { $0 = "bundle: \(error.description)" }
    telemetry.logger.error("policies not loaded; the old ones stay", ["reason": .string(error.description)])
  }

  /// A bundle has been loaded after one that could not be.
  func accepted() { lastFault.withLock { $0 = nil } }

  /// What an operator wants to see.
  public var status: PolicyStatus {
    PolicyStatus(
      source: source.name, revision: source.revision() ?? "", switches: control.switches,
      cache: cache?.figures ?? DecisionCacheFigures(), lastFault: lastFault.withLock { $0 })
  }

  // MARK: Explanations

  /// How the bundle comes to its decision now: every rule that is looked at and every expression that holds or fails.
  /// `nil` when a server decides. Neither the cache nor the mode is looked at, and nothing is logged.
  public func explain(_ query: PolicyQuery) async -> PolicyExplanation? {
    guard let bundles, let bundle = bundles.bundle else { return nil }
    let limits = bundles.limits
    let data = control.snapshot(for: query.tenant).data
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    return try? await BlockingPool.shared.run {
      PolicyExplanation(bundle, query, data, limits) { MonotonicClock.now() < deadline }
    }
  }

  /// Writes what is still to be written of the decision log; blocks.
  public func flush() { log?.flush() }
}

/// The state of an engine.
public struct PolicyStatus: Sendable {
  /// `process` or `server`.
  public let source: String
  /// The digest of the bundle.
  public let revision: String
  /// The switches.
  public let switches: PolicySwitches
  /// Decisions that are remembered.
  public let cache: DecisionCacheFigures
  /// The last fault of a bundle or of an evaluation; `nil` when there was none since the last good bundle.
  public let lastFault: String?
}

extension PolicyDecision {
  /// Whether the same question gets the same decision: time-outs and unreachable servers pass.
  var isRepeatable: Bool {
    switch fault {
    case nil, .undefined, .conflict, .error, .invalidDecision: true
    case .timeout, .limit, .unavailable, .halted, .tooLarge: false
    }
  }
}
