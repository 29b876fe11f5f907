internal import Glibc
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import Reactor
internal import Settings
internal import SystemSources
internal import Telemetry

/// The endpoints for those who run the installation: health, metrics and status. All of them are on the admin listener;
/// of the public one a service has at most `/healthz` and `/readyz`, for the probes of load balancers.
struct AdminEndpoints: Sendable {
  private static let options = RouteOptions(bodyBytesMax: 0, isObserved: false)

  private let context: ServiceContext
  private let startedAt: UInt64
  private let checks: @Sendable () -> [(name: String, isReady: Bool)]

  init(_ context: ServiceContext, startedAt: UInt64, checks: @escaping @Sendable () -> [(name: String, isReady: Bool)])
  {
    self.context = context
    self.startedAt = startedAt
    self.checks = checks
  }

  /// All endpoints, for the admin listener.
  func addAll(to router: inout Router) {
    addHealth(to: &router)
    addReadiness(to: &router)
    router.on(.get, "/metrics", AdminEndpoints.options) { [registry = context.telemetry.registry] request in
      let format = ExpositionFormat.negotiate(accept: request.headers[.accept])
      var response = HTTPResponse(.ok, body: .bytes(registry.render(format)))
      response.headers.append(.contentType, format.contentType)
      return response
    }
    router.on(.get, "/statusz", AdminEndpoints.options) { _ in status() }
  }

  /// Whether the process lives.
  func addHealth(to router: inout Router) {
    router.on(.get, "/healthz", AdminEndpoints.options) { _ in .text(.ok, "ok\n") }
  }

  /// Whether it can do its work.
  func addReadiness(to router: inout Router) {
    router.on(.get, "/readyz", AdminEndpoints.options) { _ in readiness() }
  }

  private func readiness() -> HTTPResponse {
    let checks = checks()
    let isReady = checks.allSatisfy(\.isReady)
    return .json(isReady ? .ok : .serviceUnavailable) { writer in
      writer.member("ready", isReady)
      writer.key("checks")
      writer.beginObject()
      for check in checks { writer.member(check.name, check.isReady) }
      writer.endObject()
    }
  }

  private func status() -> HTTPResponse {
    let checks = checks()
    return .json { writer in
      writer.member("service", context.name)
      writer.member("version", CadreVersion.current)
      writer.member("uptime_seconds", Int64((MonotonicClock.now() - startedAt) / 1_000_000_000))
      writer.member("process_id", Int64(getpid()))
      // For whoever compares the clocks of the installation.
      writer.member("time_us", WallClock.now().unixMicroseconds)
      writer.member("loops", Int64(context.group.loops.count))
      writer.key("checks")
      writer.beginObject()
      for check in checks { writer.member(check.name, check.isReady) }
      writer.endObject()
      writer.key("settings")
      writer.beginArray()
      for setting in context.settings.redactedDump {
        writer.beginObject()
        writer.member("key", setting.key)
        writer.member("value", setting.value)
        writer.member("source", setting.source)
        writer.endObject()
      }
      writer.endArray()
    }
  }
}
