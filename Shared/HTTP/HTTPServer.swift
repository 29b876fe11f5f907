internal import Calendar
internal import Contracts
public import HTTPWire
internal import JSON
internal import Primitives
public import Reactor
internal import Synchronization
internal import SystemSources
public import Telemetry

/// How an HTTP server listens and what it tolerates.
public struct HTTPServerConfiguration: Sendable {
  /// Where to listen.
  public var address: SocketAddress
  /// Sizes of request heads.
  public var limits = HTTPLimits.standard
  /// Time for a complete request head, from the first byte or from the connection.
  public var headTimeout = Duration.seconds(10)
  /// Time that a kept-alive connection may wait for its next request; longer than the clients' own, so that they close
  /// first.
  public var idleTimeout = Duration.seconds(75)
  /// Time in which a client must take at least something of an answer that waits for it; then it is dropped. One that
  /// takes it slowly but steadily is served to the end.
  public var stallTimeout = Duration.seconds(60)
  /// Memory for the bodies of requests that are held whole, over all connections, beyond the first 64 KiB of each.
  /// A large body beyond it is refused with 503.
  public var heldBodyBytesMax = 512 << 20
  /// How a problem of a request is reported.
  public var problemResponse: @Sendable (Problem, RequestHead, _ traceID: String) -> HTTPResponse = {
    problem, _, traceID in problem.response(traceID: traceID)
  }
  /// Whether answers to requests that are traced name their trace (`traceresponse`): for servers whose callers are not
  /// part of the installation.
  public var answersTrace = false
  /// What is done beside the routes for clients that are not part of the installation; `nil` between services.
  public var edge: HTTPEdge?
  /// Open connections over all loops; one more is answered 503 and closed.
  public var connectionsMax = 20_000

  /// Makes a configuration with the defaults above.
  public init(address: SocketAddress) { self.address = address }
}

/// An HTTP/1.1 server: one listener per event loop on the same port, handlers on the loop of their connection.
public final class HTTPServer: Sendable {
  private let group: EventLoopGroup
  private let configuration: HTTPServerConfiguration
  private let router: Router
  private let telemetry: Telemetry
  private let metrics: HTTPServerMetrics
  private let shards: PerLoop<ServerShard>
  private let open = OpenConnections()

  /// Prepares a server; nothing listens yet.
  public init(
    group: EventLoopGroup, configuration: HTTPServerConfiguration, router: Router, telemetry: Telemetry
  ) {
    self.group = group
    self.configuration = configuration
    self.router = router
    self.telemetry = telemetry
    let open = self.open
    let bufferedBodies = BufferedBodyLimit(bytesMax: configuration.heldBodyBytesMax)
    let metrics = HTTPServerMetrics(
      telemetry: telemetry, routes: router.routes, open: open, bufferedBodies: bufferedBodies)
    self.metrics = metrics
    shards = PerLoop(group) { loop in
      ServerShard(
        loop: loop, configuration: configuration, router: router, telemetry: telemetry, metrics: metrics, open: open,
        bufferedBodies: bufferedBodies)
    }
  }

  /// Starts listening and returns the port. Throws `ReactorError`, for example when the port is taken.
  @discardableResult
  public func start() async throws -> Int {
    let address = configuration.address
    // With SO_REUSEPORT a second process could silently share the port, so it is first bound without.
    try await group.loops[0].task { try Listener.requireFree(address) }.value
    var bound = address
    var port = 0
    for loop in group.loops {
      let target = bound
      let shards = self.shards
      port = try await loop.task { try shards.current.listen(target) }.value
      if case .host(let host, 0) = bound { bound = .host(host, port: port) }
      if case .unix = bound { break }
    }
    return port
  }

  /// From now on each connection ends after its next answer, which says so. New ones are taken still: whoever balances
  /// the load has time to go elsewhere, and no request meets a connection that is closed at that moment.
  public func announceEnd() async {
    let shards = self.shards
    try? await group.onEach { _ in shards.existing?.announceEnd() }
  }

  /// Stops in order: no new connections, idle ones closed, busy ones finish their answer until `grace` is over, then
  /// cut.
  public func stop(grace: Duration) async {
    let shards = self.shards
    try? await group.onEach { loop in
      guard let shard = shards.existing else { return }
      shard.drain()
      let limit = loop.now &+ UInt64(clamping: grace.nanoseconds)
      while shard.connectionCount > 0, MonotonicClock.now() < limit {
        try? await EventLoop.sleep(for: .milliseconds(10))
      }
      shard.abort()
    }
  }
}

/// The number of open connections of a server, over all loops.
final class OpenConnections: Sendable {
  let count = Atomic<Int>(0)
}

/// The part of a server that lives on one loop.
///
/// `@unchecked Sendable`: confined to its loop.
final class ServerShard: @unchecked Sendable {
  private let loop: EventLoop
  let configuration: HTTPServerConfiguration
  private let router: Router
  let telemetry: Telemetry
  let metrics: HTTPServerMetrics
  private let open: OpenConnections
  private let bufferedBodies: BufferedBodyLimit
  private var listener: Listener?
  private var connections: [ObjectIdentifier: ServerConnection] = [:]
  private(set) var isDraining = false
  /// Whether connections end after their answer, which says so.
  private(set) var endsConnections = false
  private var dateBytes: [UInt8] = []
  private var dateSecond: Int64 = -1
  private var dateReadAt: UInt64 = 0

  init(
    loop: EventLoop, configuration: HTTPServerConfiguration, router: Router, telemetry: Telemetry,
    metrics: HTTPServerMetrics, open: OpenConnections, bufferedBodies: BufferedBodyLimit
  ) {
    self.loop = loop
    self.configuration = configuration
    self.router = router
    self.telemetry = telemetry
    self.metrics = metrics
    self.open = open
    self.bufferedBodies = bufferedBodies
  }

  var connectionCount: Int { connections.count }

  func listen(_ address: SocketAddress) throws(ReactorError) -> Int {
    let listener = try Listener(on: loop, address: address) { [unowned self] fd in accepted(fd) }
    self.listener = listener
    return listener.port
  }

  private func accepted(_ fd: Int32) {
    guard let socket = try? StreamSocket(adopting: fd, on: loop), let writer = socket.takeWriter() else { return }
    socket.stallLimit = UInt64(clamping: configuration.stallTimeout.nanoseconds)
    guard open.count.load(ordering: .relaxed) < configuration.connectionsMax else {
      metrics.refusedConnection()
      writer.write(ServerShard.fullAnswer)
      socket.closeWhenFlushed()
      return
    }
    open.count.add(1, ordering: .relaxed)
    let connection = ServerConnection(writer: writer, shard: self)
    connections[ObjectIdentifier(connection)] = connection
    connection.start()
  }

  private static let fullAnswer = Array(
    "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".utf8)

  func ended(_ connection: ServerConnection) {
    guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
    open.count.subtract(1, ordering: .relaxed)
  }

  /// A client took nothing of its answer for too long.
  func dropped() {
    metrics.stalledClient()
    telemetry.logger.warning(
      "client dropped",
      [
        "reason": .string("it took nothing of its answer"),
        "for_ms": .int(configuration.stallTimeout.milliseconds),
      ])
  }

  func announceEnd() { endsConnections = true }

  func drain() {
    endsConnections = true
    isDraining = true
    listener?.close()
    for connection in connections.values { connection.drain() }
  }

  func abort() {
    for connection in connections.values { connection.abort() }
  }

  // MARK: Requests

  func begin(_ head: RequestHead, _ connection: ServerConnection, _ reader: consuming StreamReader) -> Exchange {
    let now = MonotonicClock.now()
    let (route, parameters, problem) = find(head)
    let body = HTTPRequestBody(
      reader: reader, head: head, bytesMax: route?.options.bodyBytesMax ?? 0, bufferedBodies: bufferedBodies,
      connection: connection)
    let isObserved = route?.options.isObserved ?? true
    let span = isObserved ? metrics.startSpan(head, route, telemetry) : telemetry.tracer.unsampledSpan()
    let client = configuration.edge.map { $0.trustedProxies.client(of: head.headers, from: connection.peer) }
    let request = HTTPRequest(
      head: head, parameters: parameters, body: body, span: span, receivedAt: now,
      clientAddress: client ?? connection.peer)
    return Exchange(
      request: request, options: route?.options ?? RouteOptions(), route: route, outcome: problem, shard: self)
  }

  private func find(_ head: RequestHead) -> (Route?, PathParameters, Problem?) {
    switch router.match(head) {
    case .found(let route, let parameters): return (route, parameters, nil)
    case .otherMethods(let allowed):
      var headers = HTTPHeaders()
      headers.append(.allow, allowed)
      let problem = Problem(.methodNotAllowed, "This address answers \(allowed).", headers: headers)
      return (nil, PathParameters(), problem)
    case .unknownPath:
      return (nil, PathParameters(), Problem(.noSuchAddress, "Nothing answers at this path."))
    case .malformed:
      let problem = Problem(.malformedPath, "The path is not valid percent-encoding.")
      return (nil, PathParameters(), problem)
    }
  }

  /// The value of `Date`, made once a second.
  func dateValue() -> [UInt8] {
    if loop.now &- dateReadAt > 250_000_000 || dateBytes.isEmpty {
      dateReadAt = loop.now
      let second = WallClock.now().unixMicroseconds / 1_000_000
      if second != dateSecond {
        dateSecond = second
        dateBytes = Array(HTTPDate.format(unixSeconds: second).utf8)
      }
    }
    return dateBytes
  }
}

/// One request and what became of it.
struct Exchange {
  let request: HTTPRequest
  let options: RouteOptions
  let route: Route?
  let outcome: Problem?
  let shard: ServerShard

  /// Runs the handler and turns whatever it throws into an answer.
  func respond() async -> HTTPResponse {
    if let answer = shard.configuration.edge?.answer(self) { return answer }
    if let outcome { return told(outcome) }
    guard let route else { return HTTPResponse(.internalServerError) }
    do {
      return try await route.handler(request)
    } catch let problem as Problem {
      return told(problem)
    } catch let error as JSONFieldsError {
      return told(Problem(error))
    } catch is CancellationError {
      return HTTPResponse(.clientClosedRequest)
    } catch {
      return internalError(error)
    }
  }

  private func internalError(_ error: any Error) -> HTTPResponse {
    let isGone = (error as? ReactorError)?.code == .peerClosed
    if request.body.socket.isClosed || isGone { return HTTPResponse(.clientClosedRequest) }
    shard.telemetry.logger.error(
      "request failed", ["route": .string(route?.pattern ?? "none"), "error": .string(String(reflecting: error))],
      trace: request.trace)
    request.span.recordError(type: "\(type(of: error))", message: "\(error)")
    return told(
      Problem(.internalError, "Something went wrong on our side; the trace id finds the details in the logs."))
  }

  /// The answer that reports a problem.
  func told(_ problem: Problem) -> HTTPResponse {
    shard.configuration.problemResponse(problem, request.head, request.trace.traceIDText)
  }

  /// Adds the place of the answer in its trace: where spans are recorded, or the caller has one.
  func describeTrace(_ response: inout HTTPResponse) {
    guard shard.configuration.answersTrace, options.isObserved,
      request.span.isRecording || request.head.headers.contains(.traceparent)
    else { return }
    response.headers.append("traceresponse", request.trace.traceparent)
  }

  func finish(_ status: HTTPStatus, bytes: UInt64, failed: Bool) {
    shard.configuration.edge?.accessLog?.write(self, status: status, bytes: bytes)
    guard options.isObserved else { return }
    shard.metrics.finished(self, status: status, failed: failed)
  }
}
