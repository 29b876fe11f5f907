internal import HTTPWire
internal import Primitives
internal import Synchronization
internal import SystemSources
internal import Telemetry

/// Metrics, spans and log lines of a server: one set per route, prepared before the first request.
final class HTTPServerMetrics: Sendable {
  private struct PerRoute: Sendable {
    let spanName: String
    let method: String
    let pattern: String
    let duration: Histogram
    /// By class of the status: index 1 is 1xx.
    let requests: [Counter]
  }

  private let routes: [PerRoute]
  private let unrouted: PerRoute
  private let malformedHeads: CounterFamily
  private let slowClients: Counter
  private let truncatedHeads: Counter
  private let stalledClients: Counter
  private let refusedConnections: Counter
  private let telemetry: Telemetry

  init(telemetry: Telemetry, routes: [Route], open: OpenConnections, bufferedBodies: BufferedBodyLimit) {
    let registry = telemetry.registry
    let durations = registry.histogram(
      "cadre_http_server_request_duration_seconds",
      help: "Time from the complete head of a request to the last byte of its answer passed to the kernel.",
      labels: ["method", "route"])
    let requests = registry.counter(
      "cadre_http_server_requests_total", help: "Requests answered, by route and class of the status.",
      labels: ["method", "route", "status"])
    func make(_ method: String, _ pattern: String) -> PerRoute {
      PerRoute(
        spanName: "\(method) \(pattern)", method: method, pattern: pattern, duration: durations.with(method, pattern),
        requests: (0...5).map { requests.with(method, pattern, "\($0)xx") })
    }
    self.routes = routes.map { make("\($0.method)", $0.pattern) }
    unrouted = make("other", "none")
    malformedHeads = registry.counter(
      "cadre_http_server_malformed_requests_total", help: "Requests refused because of their head.", labels: ["code"])
    slowClients = registry.counter(
      "cadre_http_server_slow_clients_total", help: "Connections ended because a request head did not arrive in time.")
    truncatedHeads = registry.counter(
      "cadre_http_server_truncated_requests_total", help: "Connections that ended inside a request head.")
    stalledClients = registry.counter(
      "cadre_http_server_stalled_clients_total",
      help: "Connections ended because the client took nothing of an answer for http.stall_timeout_ms.")
    refusedConnections = registry.counter(
      "cadre_http_server_refused_connections_total", help: "Connections refused because too many were open.")
    registry.observeGauge("cadre_http_server_open_connections", help: "Open client connections.") {
      Double(open.count.load(ordering: .relaxed))
    }
    registry.observeGauge(
      "cadre_http_server_held_body_bytes",
      help: "Bytes of request bodies that are being worked on, beyond the first 64 KiB of each."
    ) {
      Double(bufferedBodies.bytes)
    }
    self.telemetry = telemetry
  }

  func malformed(_ error: HTTPWireError) { malformedHeads.with(error.code.rawValue).add() }
  func slowClient() { slowClients.add() }
  func stalledClient() { stalledClients.add() }
  func truncated() { truncatedHeads.add() }
  func refusedConnection() { refusedConnections.add() }

  func startSpan(_ head: RequestHead, _ route: Route?, _ telemetry: Telemetry) -> Span {
    let parent = HTTPServerMetrics.parent(head.headers)
    let names = route.map { routes[$0.index] } ?? unrouted
    let span = telemetry.tracer.startSpan(names.spanName, kind: .server, parent: parent)
    if span.isRecording {
      span.setAttribute("http.request.method", .string(route?.method == head.method ? names.method : "\(head.method)"))
      span.setAttribute("url.path", .string(head.path))
      if route != nil { span.setAttribute("http.route", .string(names.pattern)) }
    }
    return span
  }

  /// The caller's place in its trace. Of two that contradict each other neither counts.
  private static func parent(_ headers: HTTPHeaders) -> TraceContext? {
    guard headers.contains(.traceparent) else { return nil }
    let values = headers.values(of: .traceparent)
    guard values.count == 1, let value = values.first else { return nil }
    let states = headers.values(of: .tracestate)
    return TraceContext(traceparent: value, tracestate: states.isEmpty ? nil : states.joined(separator: ","))
  }

  func finished(_ exchange: Exchange, status: HTTPStatus, failed: Bool) {
    let names = exchange.route.map { routes[$0.index] } ?? unrouted
    let span = exchange.request.span
    names.duration.observe(
      nanoseconds: MonotonicClock.now() &- exchange.request.receivedAt, in: span.isRecording ? span.context : nil)
    names.requests[min(5, Int(status.code) / 100)].add()
    guard span.isRecording else { return }
    span.setAttribute("http.response.status_code", .int(Int64(status.code)))
    if failed {
      span.recordError(type: "incomplete_response", message: "The answer ended before it was complete.")
    } else if status.isServerError {
      span.recordError(type: "\(status.code)", message: "\(status.reason)")
    }
    span.end()
  }
}

/// Metrics and spans of calls to other servers.
final class HTTPClientMetrics: Sendable {
  private let durations: HistogramFamily
  private let requests: CounterFamily
  private let cache = Mutex<[String: Histogram]>([:])
  private let counters = Mutex<[String: [Counter]]>([:])

  init(registry: MetricsRegistry) {
    durations = registry.histogram(
      "cadre_http_client_request_duration_seconds", help: "Time until the head of the answer.", labels: ["peer"])
    requests = registry.counter(
      "cadre_http_client_requests_total", help: "Calls to other servers, by class of the status or kind of failure.",
      labels: ["peer", "outcome"])
  }

  func startSpan(_ request: HTTPClientRequest, peer: String, _ telemetry: Telemetry) -> Span {
    guard let parent = request.trace, parent.isSampled else {
      // Not recorded: the caller's own context travels on unchanged.
      return request.trace.map { telemetry.tracer.startSpan("", kind: .client, parent: $0) }
        ?? telemetry.tracer.unsampledSpan()
    }
    let span = telemetry.tracer.startSpan("\(request.method) \(peer)", kind: .client, parent: parent)
    span.setAttribute("http.request.method", .string("\(request.method)"))
    span.setAttribute("server.address", .string(request.url.host))
    span.setAttribute("server.port", .int(Int64(request.url.port)))
    return span
  }

  func finished(_ span: Span, peer: String, status: HTTPStatus, nanoseconds: UInt64) {
    duration(peer).observe(nanoseconds: nanoseconds, in: span.isRecording ? span.context : nil)
    counter(peer, min(5, Int(status.code) / 100)).add()
    if span.isRecording {
      span.setAttribute("http.response.status_code", .int(Int64(status.code)))
      if status.code >= 400 { span.recordError(type: "\(status.code)", message: "\(status.reason)") }
      span.end()
    }
  }

  func failed(_ span: Span, peer: String, error: any Error, nanoseconds: UInt64) {
    duration(peer).observe(nanoseconds: nanoseconds, in: span.isRecording ? span.context : nil)
    let code = (error as? HTTPClientError)?.code.rawValue ?? (error is CancellationError ? "cancelled" : "other")
    requests.with(peer, code).add()
    span.recordError(type: code, message: "\(error)")
    span.end()
  }

  private func duration(_ peer: String) -> Histogram {
    cache.withLock { cache in
      if let known = cache[peer] { return known }
      let made = durations.with(peer)
      cache[peer] = made
      return made
    }
  }

  private func counter(_ peer: String, _ index: Int) -> Counter {
    counters.withLock { counters in
      if let known = counters[peer] { return known[index] }
      let made = (0...5).map { requests.with(peer, "\($0)xx") }
      counters[peer] = made
      return made[index]
    }
  }
}
