internal import HTTP
internal import Primitives
package import Settings
internal import Telemetry

/// The settings of limits, load and what browsers may do.
package enum TrafficSettings {
  private static let text = SettingType.string(bytesMaximum: 1024)

  static let tenant = Setting(
    "limits.tenant", text,
    default: "read 4000:8000, write 1000:4000, model 1000:4000, stream 200:1000",
    "Requests of a tenant over all replicas: for each class (read, write, model, stream) a rate a second and a burst. A class that is missing has no limit."
  )
  static let credential = Setting(
    "limits.credential", text,
    default: "read 2000:4000, write 500:2000, model 500:2000, stream 100:500",
    "The same for each credential.")
  static let address = Setting(
    "limits.address", text, default: "sign_in 2:50, refused 10:200",
    "Attempts to sign in, and requests with credentials that are not good, of a client address (of IPv6: a /64 network), as a rate a second and a burst."
  )
  static let tenantInFlight = Setting(
    "limits.tenant_in_flight_max", .int(in: 0...1_000_000), default: 2048,
    "Requests of a tenant at a time in each replica, without streams and calls of models; 0 for any number.")
  static let tenantLong = Setting(
    "limits.tenant_streams_max", .int(in: 0...1_000_000), default: 8192,
    "Streams and calls of models of a tenant at a time in each replica; 0 for any number.")
  static let credentialInFlight = Setting(
    "limits.credential_in_flight_max", .int(in: 0...1_000_000), default: 1024,
    "Requests of a credential at a time in each replica, without streams and calls of models; 0 for any number.")
  static let credentialLong = Setting(
    "limits.credential_streams_max", .int(in: 0...1_000_000), default: 8192,
    "Streams and calls of models of a credential at a time in each replica; 0 for any number.")
  static let fallbackPercent = Setting(
    "limits.fallback_percent", .int(in: 1...100), default: 50,
    "Part of each limit that a replica admits by itself while Redis is away: 100 divided by the number of replicas keeps the sum."
  )
  static let redisTimeout = Setting(
    "limits.redis_timeout_ms", .milliseconds(in: 1...10_000), default: .milliseconds(250),
    "Time for which a request waits for Redis before its replica limits by itself.")
  static let inFlight = Setting(
    "load.in_flight_max", .int(in: 1...1_000_000), default: 8192,
    "Requests at a time in this replica, without streams and calls of models. Before it is reached, lists, new streams and new work are refused, in this order."
  )
  static let long = Setting(
    "load.streams_max", .int(in: 1...1_000_000), default: 16_384,
    "Streams and calls of models at a time in this replica.")
  static let lag = Setting(
    "load.lag_max_ms", .milliseconds(in: 0...60_000), default: .seconds(1),
    "Lag of the event loops above which lists are refused; at twice to eight times of it what is more urgent. 0: any.")
  static let memory = Setting(
    "load.memory_bytes_max", .int(in: 0...1_099_511_627_776), default: 0,
    "Bytes of memory of the process; requests are refused from 85 % of it on, by urgency. 0: the limit of the container, if there is one."
  )
  static let shedPause = Setting(
    "load.shed_pause_ms", .milliseconds(in: 0...10_000), default: .milliseconds(250),
    "How long a request that is refused for load waits for its answer, so that clients which repeat at once do no harm."
  )
  static let proxies = Setting(
    "http.trusted_proxies", .strings(countMaximum: 100), default: [],
    "Networks (CIDR) of proxies whose X-Forwarded-For and Forwarded headers name the client; the rightmost address that is not one of them counts."
  )
  static let corsOrigins = Setting(
    "cors.allowed_origins", .strings(countMaximum: 100), default: [],
    "Origins of web pages that may use the API: https://app.example.com, https://*.example.com for all hosts below, or *. Empty: none."
  )
  static let corsCredentials = Setting(
    "cors.allow_credentials", .bool, default: false, "Whether pages of these origins may send cookies.")
  static let transportSecurity = Setting(
    "http.hsts_max_age_s", .int(in: 0...63_072_000), default: 0,
    "Seconds of Strict-Transport-Security. Set it where clients reach the gateway by https alone; 0: not sent.")
  static let compressionMin = Setting(
    "http.compression_bytes_min", .int(in: 0...1_048_576), default: 1024,
    "Least size in bytes of an answer that is compressed (zstd, gzip) for clients that take it; 0: none is.")
  static let accessLog = Setting(
    "access_log.mode", .word(AccessLog.Mode.self), default: .errors,
    "Which requests have a line in the log: off, errors (status 400 and above) or all.")
  static let accessLogSample = Setting(
    "access_log.one_in", .int(in: 1...1_000_000), default: 1,
    "In mode all one in so many of the requests that were answered well has a line.")

  /// All of them; those of Redis are apart (`RedisSettings`).
  package static let all: [any SettingDeclaration] = [
    tenant, credential, address, tenantInFlight, tenantLong, credentialInFlight, credentialLong, fallbackPercent,
    redisTimeout, inFlight, long, lag, memory, shedPause, proxies, corsOrigins, corsCredentials, transportSecurity,
    compressionMin, accessLog, accessLogSample,
  ]

  /// The limits. Throws `LimitFault`.
  package static func table(_ settings: Settings) throws -> LimitTable {
    func limits(
      _ rates: Setting<String>, _ inFlight: Setting<Int>, _ long: Setting<Int>
    ) throws -> LimitTable.Limits {
      let names = RouteClass.allCases.filter { $0 != .signIn }.map(\.rawValue)
      let byName = try named(rates, names, settings)
      var table: [RouteClass: RateLimit] = [:]
      for kind in RouteClass.allCases { table[kind] = byName[kind.rawValue] }
      return LimitTable.Limits(
        rates: table, inFlightMax: settings[inFlight] == 0 ? nil : settings[inFlight],
        longMax: settings[long] == 0 ? nil : settings[long])
    }
    let address = try named(address, ["sign_in", "refused"], settings)
    return LimitTable(
      tenant: try limits(tenant, tenantInFlight, tenantLong),
      credential: try limits(credential, credentialInFlight, credentialLong),
      signIn: address["sign_in"], refusals: address["refused"])
  }

  private static func named(
    _ setting: Setting<String>, _ names: [String], _ settings: Settings
  ) throws(LimitFault) -> [String: RateLimit] {
    do { return try RateLimit.table(settings[setting], names: names) } catch {
      throw LimitFault("\(setting.key): \(error.description)")
    }
  }

  /// What bounds the load.
  static func load(_ settings: Settings) -> LoadState.Limits {
    let memory = settings[memory] == 0 ? ProcessMemory.groupLimitBytes() : UInt64(clamping: settings[memory])
    return LoadState.Limits(
      inFlightMax: settings[inFlight], longMax: settings[long],
      lagMax: UInt64(clamping: settings[lag].nanoseconds), memoryBytesMax: memory)
  }
}
