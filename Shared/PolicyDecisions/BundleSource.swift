internal import Policy
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources

/// Decides in process, by the bundle that is loaded at the moment.
final class BundleSource: PolicySource {
  /// A bundle and what is known of its documents.
  final class Loaded: Sendable {
    let bundle: PolicyBundle
    private let traits = Mutex<[[String]: PolicyTraits]>([:])
    private static let pathsMax = 100

    init(_ bundle: PolicyBundle) { self.bundle = bundle }

    func traits(at path: [String]) -> PolicyTraits {
      traits.withLock { known in
        if let traits = known[path] { return traits }
        let traits = bundle.program.traits(at: path)
        if known.count < Loaded.pathsMax { known[path] = traits }
        return traits
      }
    }
  }

  let name = "process"
  private let loaded: Mutex<Loaded?>
  private let threads: BlockingPool

  /// What an event loop may be held for: about a millisecond at most.
  static let limitsAtOnce: EvaluationLimits = {
    var limits = EvaluationLimits()
    limits.stepsMax = 10_000
    limits.elementsMax = 5_000
    limits.textBytesMax = 64 << 10
    limits.madeBytesMax = 1 << 20
    return limits
  }()

  /// What a question may take on a thread of its own.
  let limits: EvaluationLimits

  /// The standard of it.
  static let standardLimits: EvaluationLimits = {
    var limits = EvaluationLimits()
    limits.stepsMax = 5_000_000
    limits.madeBytesMax = 64 << 20
    return limits
  }()

  init(
    _ bundle: PolicyBundle? = nil, limits: EvaluationLimits = standardLimits,
    threads: BlockingPool = BlockingPool(threadsMax: 2, queuedMax: 256)
  ) {
    self.limits = limits
    loaded = Mutex(bundle.map(Loaded.init))
    self.threads = threads
  }

  var bundle: PolicyBundle? { current?.bundle }

  private var current: Loaded? { loaded.withLock { $0 } }

  /// The next question is answered by this bundle; those that are being answered keep the one before.
  func replace(_ bundle: PolicyBundle) {
    let next = Loaded(bundle)
    loaded.withLock { $0 = next }
  }

  func revision() -> String? { current?.bundle.revision }

  func cacheNanoseconds(_ path: [String]) -> UInt64 {
    guard let current, current.traits(at: path).isDeterministic else { return 0 }
    return .max
  }

  /// Whether the rules of a document read a member of the input.
  func reads(_ member: String, at path: [String]) -> Bool { current?.traits(at: path).reads(member) ?? true }

  func decideAtOnce(_ query: PolicyQuery, _ data: TenantPolicyData?) -> PolicyDecision? {
    guard let bundle else { return PolicyDecision(.unavailable, "no bundle is loaded") }
    do {
      return PolicyDecision(try BundleSource.document(bundle, query, data, BundleSource.limitsAtOnce))
    } catch {
      // It gets more on a thread of its own.
      if error.code == .limit { return nil }
      return BundleSource.decision(error)
    }
  }

  func decide(_ query: PolicyQuery, _ data: TenantPolicyData?, timeout: Duration) async -> PolicyDecision {
    guard let bundle else { return PolicyDecision(.unavailable, "no bundle is loaded") }
    let limits = limits
    let deadline = MonotonicClock.now() &+ UInt64(clamping: timeout.nanoseconds)
    do {
      return try await threads.run {
        do throws(EvaluationError) {
          let document = try BundleSource.document(bundle, query, data, limits) {
            MonotonicClock.now() < deadline
          }
          return PolicyDecision(document)
        } catch { return BundleSource.decision(error) }
      }
    } catch { return PolicyDecision(.unavailable, "too many long questions are waiting") }
  }

  static func document(
    _ bundle: PolicyBundle, _ query: PolicyQuery, _ data: TenantPolicyData?, _ limits: EvaluationLimits,
    observer: (any EvaluationObserver)? = nil, check: @escaping () -> Bool = { true }
  ) throws(EvaluationError) -> RegoValue? {
    try bundle.program.document(
      at: query.path, input: query.input, data: BundleSource.data(bundle, query, data),
      now: WallClock.now().unixMicroseconds.multipliedReportingOverflow(by: 1000).partialValue, limits: limits,
      observer: observer, check: check)
  }

  /// The documents that a question sees: those of the bundle, and of tenants only the one that it is about.
  private static func data(_ bundle: PolicyBundle, _ query: PolicyQuery, _ data: TenantPolicyData?) -> RegoValue {
    guard let tenant = query.tenant, let data, case .object(var root) = bundle.data else { return bundle.data }
    root.set(.string("tenants"), .object(RegoObject([(.string(tenant), data.document)])))
    return .object(root)
  }

  static func decision(_ error: EvaluationError) -> PolicyDecision {
    let fault: PolicyFault =
      switch error.code {
      case .conflict: .conflict
      case .limit: .limit
      case .cancelled: .timeout
      case .type, .builtIn, .internalFault: .error
      }
    return PolicyDecision(fault, error.message)
  }
}
