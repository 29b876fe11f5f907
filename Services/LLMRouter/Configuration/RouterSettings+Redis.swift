package import Redis
package import Settings
internal import TLS

/// How Redis is reached.
extension RouterSettings {
  package static let redis = Setting(
    "redis.url", .secret,
    "The cache and the counters: redis://[user:password@]host[:port][/database], unix:/path, redis+sentinel://[user:password@]host[:port],…/master[/database] or redis+cluster://[user:password@]host[:port],…; rediss instead of redis for TLS."
  )
  package static let redisCAFile = Setting(
    "redis.tls_ca_file", .string(), default: "",
    "PEM file of the authorities that may vouch for Redis, read anew for each connection; empty: those of the system.")
  package static let redisCertificateFile = Setting(
    "redis.tls_certificate_file", .string(), default: "",
    "PEM file of the client certificate, where Redis demands one.")
  package static let redisKeyFile = Setting(
    "redis.tls_key_file", .string(), default: "", "PEM file of that certificate's key; empty: it is in the same file.")
  package static let redisServerName = Setting(
    "redis.tls_server_name", .string(bytesMaximum: 253), default: "",
    "The name that the certificates of Redis must have; empty: the host that is connected to.")
  package static let sentinelUser = Setting(
    "redis.sentinel_username", .string(bytesMaximum: 256), default: "",
    "The user of the sentinels; empty: the default one.")
  package static let sentinelPassword = Setting(
    "redis.sentinel_password", .secret, default: Secret(""), "The password of the sentinels; empty: none is needed.")

  static let redisSettings: [any SettingDeclaration] = [
    redis, redisCAFile, redisCertificateFile, redisKeyFile, redisServerName, sentinelUser, sentinelPassword,
  ]

  /// The configuration of the client. Throws `RedisURLError`, `TLSError` for a file that cannot be used, and
  /// `RedisSettingsError`.
  package static func redisConfiguration(_ settings: Settings) throws -> RedisConfiguration {
    func text(_ setting: Setting<String>) -> String? { settings[setting].isEmpty ? nil : settings[setting] }
    var configuration = try RedisConfiguration(url: settings[redis].reveal())
    let tls = TLSConfiguration(
      caFile: text(redisCAFile), certificateFile: text(redisCertificateFile), keyFile: text(redisKeyFile),
      serverName: text(redisServerName))
    if configuration.tls != nil {
      guard tls.keyFile == nil || tls.certificateFile != nil else { throw RedisSettingsError.keyWithoutCertificate }
      _ = try TLSContext(tls)
      configuration.tls = tls
    } else if tls != TLSConfiguration() {
      throw RedisSettingsError.unused
    }
    configuration.sentinelUsername = text(sentinelUser)
    configuration.sentinelPassword =
      settings[sentinelPassword].isEmpty ? nil : settings[sentinelPassword].reveal()
    return configuration
  }
}

/// Settings of Redis that contradict each other.
package enum RedisSettingsError: Error, Equatable, CustomStringConvertible {
  /// There are TLS settings, but the address is one without TLS.
  case unused
  /// There is a key, but no certificate.
  case keyWithoutCertificate

  package var description: String {
    switch self {
    case .unused: "redis.tls_* is set, but the address of Redis does not begin with rediss: nothing would be encrypted"
    case .keyWithoutCertificate: "redis.tls_key_file needs redis.tls_certificate_file"
    }
  }
}
