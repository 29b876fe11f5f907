public import Settings
internal import TLS

/// The settings by which a service reaches Redis.
public enum RedisSettings {
  /// Where it is.
  public static let url = Setting(
    "redis.url", .secret,
    "Counters, sessions and cached answers: redis://[user:password@]host[:port][/database], unix:/path, redis+sentinel://HOSTS/MASTER or redis+cluster://HOSTS; rediss for TLS (docs/scaling-redis.md)."
  )
  static let caFile = Setting(
    "redis.tls_ca_file", .string(), default: "",
    "PEM file of the authorities that may vouch for Redis, read anew for each connection; empty: those of the system.")
  static let certificateFile = Setting(
    "redis.tls_certificate_file", .string(), default: "",
    "PEM file of the client certificate, where Redis demands one.")
  static let keyFile = Setting(
    "redis.tls_key_file", .string(), default: "", "PEM file of that certificate's key; empty: it is in the same file.")
  static let serverName = Setting(
    "redis.tls_server_name", .string(bytesMaximum: 253), default: "",
    "The name that the certificates of Redis must have; empty: the host that is connected to.")
  static let sentinelUser = Setting(
    "redis.sentinel_username", .string(bytesMaximum: 256), default: "",
    "The user of the sentinels; empty: the default one.")
  static let sentinelPassword = Setting(
    "redis.sentinel_password", .secret, default: Secret(""), "The password of the sentinels; empty: none is needed.")

  /// All of them.
  public static let all: [any SettingDeclaration] = [
    url, caFile, certificateFile, keyFile, serverName, sentinelUser, sentinelPassword,
  ]

  /// The configuration of the client. Throws `RedisURLError`, `TLSError` for a file that cannot be used, and
  /// `RedisSettingsError`.
  public static func configuration(_ settings: Settings) throws -> RedisConfiguration {
    func text(_ setting: Setting<String>) -> String? { settings[setting].isEmpty ? nil : settings[setting] }
    var configuration = try RedisConfiguration(url: settings[url].reveal())
    let tls = TLSConfiguration(
      caFile: text(caFile), certificateFile: text(certificateFile), keyFile: text(keyFile),
      serverName: text(serverName))
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
public enum RedisSettingsError: Error, Equatable, CustomStringConvertible {
  /// There are TLS settings, but the address is one without TLS.
  case unused
  /// There is a key, but no certificate.
  case keyWithoutCertificate

  /// What is wrong.
  public var description: String {
    switch self {
    case .unused: "redis.tls_* is set, but the address of Redis does not begin with rediss: nothing would be encrypted"
    case .keyWithoutCertificate: "redis.tls_key_file needs redis.tls_certificate_file"
    }
  }
}
