package import Contracts
internal import Crypto
package import GatewayRequests
package import HTTP
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import Synchronization
internal import SystemSources
package import Telemetry

/// The limits of a gateway: load of the replica, addresses of clients, rates and numbers of credentials and tenants.
package final class TrafficLimiter: TrafficLimiting {
  /// How it behaves.
  package struct Configuration: Sendable {
    /// What the replica bears.
    package var load: LoadState.Limits
    /// Part of each limit that this replica admits while Redis is away.
    package var ownShare = 0.5
    /// How long a request that is shed waits for its refusal: who repeats at once is slowed down, for no work.
    package var shedPause = Duration.milliseconds(250)

    /// Makes a configuration with the defaults above.
    package init(load: LoadState.Limits) { self.load = load }
  }

  private struct State {
    var table: LimitTable
    var leases: LeaseTable
    var tenants = InFlightTable()
    var credentials = InFlightTable()
    var callers = LimitedCallers()
    var load: LoadState
    /// Addresses that have shown too many wrong credentials, and until when.
    var blocked: [NetworkAddress: UInt64] = [:]
    var refusalsUnderWay = 0
  }

  /// Addresses that are remembered as blocked; more are let through to the shared bucket.
  private static let blockedMax = 10_000
  /// Refusals that are being counted in Redis at a time.
  private static let refusalsUnderWayMax = 1024
  /// The longest time that an address is blocked for at once, in nanoseconds.
  private static let blockMax: UInt64 = 60_000_000_000

  private let state: Mutex<State>
  private let store: any LimitStore
  private let configuration: Configuration
  private let metrics: TrafficMetrics
  private let logger: Logger

  /// Makes limits whose buckets are in `store`.
  init(_ table: LimitTable, store: any LimitStore, configuration: Configuration, telemetry: Telemetry) {
    state = Mutex(
      State(
        table: table, leases: LeaseTable(ownShare: configuration.ownShare), load: LoadState(configuration.load)))
    self.store = store
    self.configuration = configuration
    metrics = TrafficMetrics(telemetry.registry)
    logger = telemetry.logger
    metrics.observe(
      telemetry.registry,
      fallback: { [weak self] in self?.isFallback ?? false },
      inFlight: { [weak self] isLong in self?.state.withLock { $0.load.count(isLong: isLong) } ?? 0 })
  }

  /// Makes limits whose buckets are in Redis.
  package convenience init(
    _ table: LimitTable, redis: RedisLimitStore, configuration: Configuration, telemetry: Telemetry
  ) {
    self.init(table, store: redis, configuration: configuration, telemetry: telemetry)
  }

  /// The limits in force. A new table holds from the next request on.
  package var table: LimitTable {
    get { state.withLock { $0.table } }
    set { state.withLock { $0.table = newValue } }
  }

  /// Whether the limits are those of this replica alone.
  package var isFallback: Bool { state.withLock { $0.leases.isPaused(MonotonicClock.now()) } }

  /// What was measured of the process.
  func measured(lag: UInt64, loop: Int) { state.withLock { $0.load.measured(lag: lag, loop: loop) } }
  func measured(memoryBytes: UInt64) { state.withLock { $0.load.measured(memoryBytes: memoryBytes) } }

  // MARK: Before identity

  /// As `TrafficLimiting` says.
  package func arrive(
    _ request: HTTPRequest, at route: RouteSpecification
  ) async throws(Problem) -> TrafficPermit {
    let kind = RouteClass(route)
    let now = MonotonicClock.now()
    let client = request.clientAddress?.clientNetwork
    let (reason, blockedFor, signIn) = state.withLock { state in
      let blockedFor = client.flatMap { TrafficLimiter.blockedFor($0, &state, now) }
      let reason = blockedFor == nil ? state.load.enter(ShedPriority(route), isLong: kind.isLong) : nil
      return (reason, blockedFor, kind == .signIn ? state.table.signIn : nil)
    }
    if let blockedFor {
      metrics.count(kind, .address)
      throw TrafficLimiter.tooMany(
        "Too many requests with credentials that are not good came from this address.", blockedFor)
    }
    if let reason { throw await shed(kind, ShedPriority(route), reason) }
    let permit = TrafficPermit { [weak self] in
      self?.state.withLock { $0.load.leave(isLong: kind.isLong) }
    }
    if let signIn, let client {
      let bucket = LimitedBucket(TrafficLimiter.key(of: client, "sign_in"), signIn)
      let view = await take([bucket])
      if view.wait > 0 {
        permit.end()
        metrics.count(kind, .address)
        throw TrafficLimiter.tooMany("Too many attempts to sign in came from this address.", view.wait)
      }
    }
    return permit
  }

  private func shed(_ kind: RouteClass, _ priority: ShedPriority, _ reason: LoadState.Reason) async -> Problem {
    metrics.count(kind, .shed)
    metrics.count(priority, reason)
    // Who has waited a little costs less than who asks again at once. The connection is there anyway.
    try? await EventLoop.sleep(for: configuration.shedPause)
    return Problem(
      .overloaded, "The gateway is saturated and serves what is more urgent first; nothing was done.",
      retryAfterSeconds: 1)
  }

  private static func blockedFor(_ client: NetworkAddress, _ state: inout State, _ now: UInt64) -> UInt64? {
    guard !state.blocked.isEmpty, let until = state.blocked[client] else { return nil }
    if until > now { return until - now }
    state.blocked[client] = nil
    return nil
  }

  /// As `TrafficLimiting` says: counts a refusal of the client's address, in all replicas.
  package func refused(_ request: HTTPRequest, at route: RouteSpecification, _ problem: Problem) {
    guard problem.status == .unauthorized, let client = request.clientAddress?.clientNetwork else { return }
    let limit = state.withLock { state -> RateLimit? in
      guard state.refusalsUnderWay < TrafficLimiter.refusalsUnderWayMax, let limit = state.table.refusals else {
        return nil
      }
      state.refusalsUnderWay += 1
      return limit
    }
    guard let limit else { return }
    request.loop.task { [self] in
      let view = await take([LimitedBucket(TrafficLimiter.key(of: client, "refused"), limit)])
      let until = MonotonicClock.now() &+ min(view.wait, TrafficLimiter.blockMax)
      state.withLock { state in
        state.refusalsUnderWay -= 1
        guard view.wait > 0 else { return }
        if state.blocked.count >= TrafficLimiter.blockedMax { state.blocked.removeAll() }
        state.blocked[client] = until
      }
    }
  }

  private static func key(of client: NetworkAddress, _ kind: String) -> BucketKey {
    BucketKey(.address, owner: "address:\(client)", kind: kind)
  }

  // MARK: After identity

  /// As `TrafficLimiting` says.
  package func admit(
    _ identity: Identity, _ request: HTTPRequest, at route: RouteSpecification
  ) async throws(Problem) -> TrafficPermit {
    let kind = RouteClass(route)
    // Nobody has no tenant and no credential; the address was limited when the request arrived.
    if identity.kind == .anonymous {
      metrics.count(kind, .admitted)
      return TrafficPermit()
    }
    let (who, limits, own) = state.withLock {
      ($0.callers.caller(identity, request), $0.table.limits(of: identity.tenant), $0.table.credential)
    }
    var fields = HTTPHeaders(reservingCount: LimitView.fieldsMax)
    let buckets = who.buckets(kind, tenant: limits.rates[kind], credential: own.rates[kind])
    if !buckets.isEmpty {
      let view = await take(buckets)
      view.append(to: &fields)
      if view.wait > 0 {
        metrics.count(kind, .rate)
        let whose = view.bucket?.key.scope == .tenant ? "The tenant" : "The credential"
        var problem = TrafficLimiter.tooMany(
          "\(whose) has made as many requests of the class \(kind.rawValue) as it may make for now.", view.wait)
        problem.headers = fields
        throw problem
      }
    }
    let isLong = kind.isLong
    let hasRoom = state.withLock { state in
      guard state.tenants.enter(who.owner, isLong: isLong, max: isLong ? limits.longMax : limits.inFlightMax) else {
        return false
      }
      if state.credentials.enter(who.credential, isLong: isLong, max: isLong ? own.longMax : own.inFlightMax) {
        return true
      }
      state.tenants.leave(who.owner, isLong: isLong)
      return false
    }
    guard hasRoom else {
      metrics.count(kind, .inFlight)
      throw Problem(.tooManyInFlight, retryAfterSeconds: 1, headers: fields)
    }
    metrics.count(kind, .admitted)
    return TrafficPermit(fields: fields) { [weak self] in
      self?.state.withLock { state in
        state.tenants.leave(who.owner, isLong: isLong)
        state.credentials.leave(who.credential, isLong: isLong)
      }
    }
  }

  // MARK: Buckets

  /// Takes a token of each bucket: one that was lent, one of Redis, or one of this replica's own.
  private func take(_ buckets: [LimitedBucket]) async -> LimitView {
    switch state.withLock({ $0.leases.request(buckets, now: MonotonicClock.now()) }) {
    case .refused(let view): return view
    case .admitted(let view, let borrow):
      if !borrow.isEmpty { self.borrow(borrow) }
      return view
    case .ask(let asks):
      metrics.waits.add()
      return await ask(asks) ?? alone(buckets)
    }
  }

  /// Asks Redis for tokens ahead, while requests go on.
  private func borrow(_ asks: [LeaseTable.Ask]) {
    // Each bucket by itself: one that is empty must not keep the others from being filled.
    for ask in asks { EventLoop.current?.task { [self] in _ = await self.ask([ask]) } }
  }

  /// What Redis says; `nil` when it says nothing.
  private func ask(_ asks: [LeaseTable.Ask]) async -> LimitView? {
    do {
      let reply = try await store.take(asks)
      let now = MonotonicClock.now()
      return state.withLock { state in
        switch reply {
        case .granted(let grants): state.leases.granted(asks, grants, now: now) ?? .unlimited
        case .refused(let index, let wait): state.leases.refused(asks, index: index, wait: wait, now: now)
        }
      }
    } catch {
      metrics.storeFailures.add()
      // Not for a caller that has gone: Redis may be well.
      if !Task.isCancelled {
        logger.warning(
          "Redis does not answer for limits: each replica limits by itself", ["reason": .string("\(error)")])
        state.withLock { $0.leases.failed(asks, now: MonotonicClock.now()) }
      }
      return nil
    }
  }

  private func alone(_ buckets: [LimitedBucket]) -> LimitView {
    switch state.withLock({ $0.leases.requestAlone(buckets, now: MonotonicClock.now()) }) {
    case .admitted(let view, _), .refused(let view): view
    case .ask: .unlimited
    }
  }

  private static func tooMany(_ detail: String, _ wait: UInt64) -> Problem {
    let seconds = Int(clamping: max(1, (min(wait, blockMax) + 999_999_999) / 1_000_000_000))
    return Problem(.rateLimited, detail, retryAfterSeconds: seconds)
  }
}
