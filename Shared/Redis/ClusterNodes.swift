internal import Primitives
internal import Reactor
internal import SystemSources

/// The connections of one loop to the masters of a cluster, and what is known of them.
///
/// `@unchecked Sendable`: confined to its loop.
final class ClusterNodes: @unchecked Sendable {
  /// Pause between two looks at a cluster of which a master is not connected.
  private static let brokenPause = Duration.milliseconds(250)
  /// Shortest pause between two looks.
  private static let pauseMin = Duration.milliseconds(50)

  private let loop: EventLoop
  private let configuration: RedisConfiguration
  private let observer: (any RedisObserver)?
  private let onChange: (Bool) -> Void
  private let seeds: [SocketAddress]
  private var topology = ClusterTopology()
  private var nodes: [SocketAddress: ReconnectingConnection] = [:]
  private var timer: Timer?
  private var look: Task<Void, any Error>?
  private var asked = 0
  private var isClosed = false
  private(set) var lastError: RedisError?

  /// Nodes for a configuration with a cluster.
  init?(
    loop: EventLoop, configuration: RedisConfiguration, observer: (any RedisObserver)?,
    onChange: @escaping (Bool) -> Void
  ) {
    guard case .cluster(let seeds) = configuration.deployment else { return nil }
    self.loop = loop
    self.configuration = configuration
    self.observer = observer
    self.onChange = onChange
    self.seeds = seeds
    asked = loop.index
  }

  /// The connections.
  var connections: [ReconnectingConnection] { Array(nodes.values) }

  /// Looks for the nodes and connects to them, until `close`. Returns when the first attempts have ended.
  func start() async {
    await describe(isFirst: true)
    let connections = connections
    await withTaskGroup(of: Void.self) { group in
      for connection in connections { group.addTask { await connection.start() } }
    }
  }

  func close() {
    isClosed = true
    if let timer { loop.cancel(timer) }
    timer = nil
    look?.cancel()
    look = nil
    for node in nodes.values { node.close() }
    nodes.removeAll()
  }

  /// The connection for a call; `nil` when nobody is known to serve it.
  func connection(for route: CallRoute, _ command: RedisCommand) -> ReconnectingConnection? {
    switch route {
    case .reach:
      switch command.reach {
      case .key(let key): return owner(of: KeySlot.of(key))
      case .any: return nodes.values.first { $0.current != nil } ?? nodes.values.first
      case .none: return nil
      }
    case .slot(let slot): return owner(of: slot)
    case .moved(let slot, let address):
      if topology.moved(slot, to: address) {
        observer?.topologyChanged()
        lookSoon(after: ClusterNodes.pauseMin)
      }
      return node(at: address)
    case .asking(let address): return node(at: address)
    }
  }

  private func owner(of slot: Int) -> ReconnectingConnection? {
    guard let address = topology.owner(of: slot) else {
      lookSoon(after: ClusterNodes.pauseMin)
      return nil
    }
    return node(at: address)
  }

  private func node(at address: SocketAddress) -> ReconnectingConnection? {
    if let node = nodes[address] { return node }
    guard !isClosed, nodes.count < ClusterTopology.mastersMax else { return nil }
    let made = make(address)
    loop.task { await made.start() }
    return made
  }

  private func make(_ address: SocketAddress) -> ReconnectingConnection {
    let made = ReconnectingConnection(
      loop: loop, configuration: configuration.server(at: address), observer: observer
    ) { [weak self] isReady in
      self?.onChange(isReady)
      if !isReady { self?.lookSoon(after: ClusterNodes.pauseMin) }
    }
    nodes[address] = made
    return made
  }

  // MARK: Looking

  /// Looks at the cluster after a pause, or sooner if that is planned already.
  func lookSoon(after pause: Duration) {
    guard !isClosed else { return }
    let moment = deadline(after: pause, from: loop.now)
    if let timer {
      guard moment < timer.deadline else { return }
      loop.cancel(timer)
    }
    timer = loop.schedule(at: moment) { [self] in
      timer = nil
      guard look == nil else { return lookSoon(after: ClusterNodes.pauseMin) }
      look = loop.task { [self] in
        await describe()
        look = nil
      }
    }
  }

  /// Asks one node after the other, up to an answer, who serves the slots.
  private func describe(isFirst: Bool = false) async {
    var places = nodes.filter { $0.value.current != nil }.map(\.key)
    if places.isEmpty { places = seeds + topology.masters.filter { !seeds.contains($0) } }
    asked &+= 1
    for step in places.indices {
      let place = places[(asked &+ step) % places.count]
      do {
        let view = try await view(of: place)
        if !isClosed { apply(view, startingNodes: !isFirst) }
        break
      } catch { lastError = error }
    }
    let isWhole = !nodes.isEmpty && topology.masters.allSatisfy { nodes[$0]?.current != nil }
    lookSoon(after: isWhole ? configuration.probeInterval : ClusterNodes.brokenPause)
  }

  private func view(of place: SocketAddress) async throws(RedisError) -> ClusterView {
    let limit = deadline(after: configuration.connectTimeout, from: MonotonicClock.now())
    let known = nodes[place]?.current
    let connection: RedisConnection
    if let known {
      connection = known
    } else {
      connection = try await RedisConnection.connect(configuration.server(at: place))
    }
    let answers: Result<[RedisValue], RedisError>
    do {
      answers = .success(
        try await connection.ask(
          [RedisCommand(.cluster, ["CLUSTER", "INFO"]), RedisCommand(.cluster, ["CLUSTER", "SLOTS"])], until: limit))
    } catch {
      answers = .failure(error)
    }
    if known == nil { connection.close() }
    let values = try answers.get()
    guard values.count == 2, case .host(let host, _) = place else { throw RedisError(.protocolViolation) }
    return try ClusterView(info: values[0], slots: values[1], host: host)
  }

  private func apply(_ view: ClusterView, startingNodes: Bool) {
    if topology.described(view, at: loop.now) { observer?.topologyChanged() }
    for address in topology.masters where nodes[address] == nil {
      let made = make(address)
      if startingNodes { loop.task { await made.start() } }
    }
    let masters = Set(topology.masters)
    for (address, node) in nodes where !masters.contains(address) {
      nodes[address] = nil
      node.close()
    }
  }
}
