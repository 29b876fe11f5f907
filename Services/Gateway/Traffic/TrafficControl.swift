package import HTTP
internal import Primitives
package import Reactor
package import Redis
package import Settings
internal import SystemSources
package import Telemetry

/// The limits of a gateway with what they need, made of its settings.
package struct TrafficControl: Sendable {
  private static let lagInterval = Duration.milliseconds(100)
  private static let memoryInterval = Duration.seconds(1)

  /// The limits, for the pipeline.
  package let limiter: TrafficLimiter
  private let group: EventLoopGroup

  /// Makes the limits. Throws `LimitFault`.
  package init(_ settings: Settings, redis: RedisPool, group: EventLoopGroup, telemetry: Telemetry) throws {
    var configuration = TrafficLimiter.Configuration(load: TrafficSettings.load(settings))
    configuration.ownShare = Double(settings[TrafficSettings.fallbackPercent]) / 100
    configuration.shedPause = settings[TrafficSettings.shedPause]
    limiter = TrafficLimiter(
      try TrafficSettings.table(settings),
      redis: RedisLimitStore(redis: redis, timeout: settings[TrafficSettings.redisTimeout]),
      configuration: configuration, telemetry: telemetry)
    self.group = group
  }

  /// Measures lag and memory until the task is cancelled.
  package func run() async {
    await withTaskGroup(of: Void.self) { tasks in
      for loop in group.loops {
        tasks.addTask { [limiter] in
          let measuring = loop.task {
            while true {
              let expected = MonotonicClock.now() &+ UInt64(clamping: TrafficControl.lagInterval.nanoseconds)
              try await EventLoop.sleep(for: TrafficControl.lagInterval)
              let now = MonotonicClock.now()
              limiter.measured(lag: now > expected ? now - expected : 0, loop: loop.index)
            }
          }
          await withTaskCancellationHandler {
            _ = await measuring.result
          } onCancel: {
            measuring.cancel()
          }
        }
      }
      tasks.addTask { [limiter, group] in
        let measuring = group.next().task {
          while true {
            limiter.measured(memoryBytes: ProcessMemory.residentBytes())
            try await EventLoop.sleep(for: TrafficControl.memoryInterval)
          }
        }
        await withTaskCancellationHandler {
          _ = await measuring.result
        } onCancel: {
          measuring.cancel()
        }
      }
    }
  }

  /// What the server does beside its routes. Throws `LimitFault` for networks, `CORSPolicy.Fault` for origins.
  package static func edge(_ settings: Settings, telemetry: Telemetry) throws -> HTTPEdge {
    var edge = HTTPEdge()
    var networks: [IPNetwork] = []
    for text in settings[TrafficSettings.proxies] {
      guard let network = IPNetwork(text) else {
        throw LimitFault("\(TrafficSettings.proxies.key): \"\(text)\" is no network, as in 10.0.0.0/8")
      }
      networks.append(network)
    }
    edge.trustedProxies = TrustedProxies(networks)
    let origins = settings[TrafficSettings.corsOrigins]
    if !origins.isEmpty {
      edge.cors = try CORSPolicy(origins: origins, allowsCredentials: settings[TrafficSettings.corsCredentials])
    }
    edge.securityHeaders = SecurityHeaders(
      transportSecuritySeconds: settings[TrafficSettings.transportSecurity])
    let compressionMin = settings[TrafficSettings.compressionMin]
    if compressionMin > 0 { edge.compression = ResponseCompression(bytesMin: compressionMin) }
    if settings[TrafficSettings.accessLog] != .off {
      edge.accessLog = AccessLog(
        settings[TrafficSettings.accessLog], sampledOneIn: settings[TrafficSettings.accessLogSample],
        telemetry: telemetry)
    }
    return edge
  }
}
