internal import HTTPWire
internal import Primitives
public import Reactor
internal import SystemSources
public import Telemetry

/// How an HTTP client behaves.
public struct HTTPClientConfiguration: Sendable {
  /// Connections to one origin and loop.
  public var connectionsPerOriginMax = 256
  /// Callers that may wait for a connection to one origin and loop.
  public var waitersPerOriginMax = 4096
  /// Origins that are remembered per loop; beyond it the idle ones are forgotten.
  public var originsMax = 1024

  /// Makes a configuration with the defaults above.
  public init() {}
}

/// An HTTP client for all loops of a process. Plain HTTP runs on the reactor's own connections; HTTPS, and what is
/// pinned to an address, on libcurl.
public final class HTTPClient: Sendable {
  private let plain: PerLoop<PlainOrigins>
  private let secure: PerLoop<CurlTransport>
  private let metrics: HTTPClientMetrics
  private let telemetry: Telemetry

  /// Makes a client.
  public init(
    group: EventLoopGroup, configuration: HTTPClientConfiguration = HTTPClientConfiguration(), telemetry: Telemetry
  ) {
    plain = PerLoop(group) { PlainOrigins(loop: $0, configuration: configuration) }
    secure = PerLoop(group) { CurlTransport(loop: $0) }
    metrics = HTTPClientMetrics(registry: telemetry.registry)
    self.telemetry = telemetry
  }

  /// Sends a request from a task on one of the group's loops and returns when the head of the answer is there. `peer`
  /// is the bounded name of the other side in metrics, for example `orchestrator`.
  ///
  /// Throws `HTTPClientError`, the error of the request's own body source, or `CancellationError`.
  public func send(_ request: HTTPClientRequest, peer: String) async throws -> HTTPClientResponse {
    let started = MonotonicClock.now()
    let span = metrics.startSpan(request, peer: peer, telemetry)
    var request = request
    if request.trace != nil { request.trace = span.context }
    do {
      let response =
        request.url.isSecure || request.pinnedAddress != nil
        ? try await secure.current.send(request)
        : try await PlainHTTPExchange.send(request, through: plain.current.pool(for: request.url))
      metrics.finished(span, peer: peer, status: response.status, nanoseconds: MonotonicClock.now() &- started)
      return response
    } catch {
      metrics.failed(span, peer: peer, error: error, nanoseconds: MonotonicClock.now() &- started)
      throw error
    }
  }

  /// Closes idle connections on every loop; part of an orderly end.
  public func close(group: EventLoopGroup) async {
    let plain = self.plain
    try? await group.onEach { _ in plain.existing?.closeIdle() }
  }
}

/// The connection pools of one loop, by origin.
///
/// `@unchecked Sendable`: confined to its loop.
final class PlainOrigins: @unchecked Sendable {
  private static let sweepInterval = Duration.seconds(5)

  private let loop: EventLoop
  private let configuration: HTTPClientConfiguration
  private var pools: [SocketAddress: ClientConnectionPool] = [:]
  private var sweeps = false

  init(loop: EventLoop, configuration: HTTPClientConfiguration) {
    self.loop = loop
    self.configuration = configuration
  }

  func pool(for url: HTTPURL) -> ClientConnectionPool {
    let address = SocketAddress.host(url.host, port: url.port)
    if let pool = pools[address] { return pool }
    if pools.count >= configuration.originsMax { pools = pools.filter { $0.value.open > 0 } }
    let pool = ClientConnectionPool(
      loop: loop, address: address, connectionsMax: configuration.connectionsPerOriginMax,
      waitersMax: configuration.waitersPerOriginMax)
    pools[address] = pool
    scheduleSweep()
    return pool
  }

  func closeIdle() {
    for pool in pools.values { pool.closeIdle() }
  }

  private func scheduleSweep() {
    guard !sweeps else { return }
    sweeps = true
    loop.schedule(after: PlainOrigins.sweepInterval) { [weak self] in
      guard let self else { return }
      sweeps = false
      for pool in pools.values { pool.closeStale() }
      if pools.values.contains(where: { $0.open > 0 }) { scheduleSweep() }
    }
  }
}
