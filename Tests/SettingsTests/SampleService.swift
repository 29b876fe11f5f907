import Settings

/// The settings of an imaginary service with one of everything.
enum Sample {
  enum Level: String, CaseIterable, Sendable { case debug, info, error }

  struct Provider: Sendable, Equatable {
    var name: String
    var url: ServiceURL
    var key: Secret?
    var models: [String]
    var weight: Int

    static let type = SettingType<Provider>.map { reader in
      let provider = Provider(
        name: reader.value("name", .string(bytesMaximum: 32, allowsEmpty: false)),
        url: reader.value("base_url", .url()),
        key: reader.optional("api_key", .secret),
        models: reader.value("models", .strings(), default: []),
        weight: reader.value("weight", .int(in: 1...10), default: 1))
      if provider.name == "forbidden" { reader.fault("name", "this name is reserved") }
      return provider
    }
  }

  static let port = Setting("http.port", .int(in: 1...65_535), default: 8080, "Port of the listener.")
  static let host = Setting("http.host", .string(), default: "127.0.0.1", "Address of the listener.")
  static let timeout = Setting(
    "http.idle_timeout_ms", .milliseconds(in: 1...60_000), default: .seconds(5), "Idle time.")
  static let body = Setting(
    "http.body_bytes", .bytes(in: 1024...(1 << 30)), default: 1 << 20, "Largest body.")
  static let level = Setting("log.level", .word(), default: Level.info, "Least level.")
  static let color = Setting("log.color", .bool, default: false, "Whether lines are coloured | or not.")
  static let ratio = Setting("trace.ratio", .number(in: 0...1), default: 0.1, "Share of traces.")
  static let tags = Setting("trace.tags", .strings(countMaximum: 3), default: ["a", "b"], "Tags of traces.")
  static let collector = Setting(
    "trace.endpoint", .optional(.url()), default: nil, environment: "OTEL_EXPORTER_OTLP_ENDPOINT", "The collector.")
  static let token = Setting("auth.token", .secret, "The key that signs.")
  static let spare = Setting("auth.spare", .optional(.secret), default: nil, "The former key.")
  static let hidden = Setting("auth.pin", .int(in: 0...9999), default: 7, secret: true, "A small secret.")
  static let providers = Setting(
    "providers", .list(of: Provider.type), default: [], "The providers.")
  static let limits = Setting(
    "limits", .dictionary(of: .int(in: 0...100)), default: [:], "Limits by project.")

  static let table = SettingsTable(
    [
      port, host, timeout, body, level, color, ratio, tags, collector, token, spare, hidden, providers, limits,
    ], permittedVariables: ["CADRE_BUILD", "CADRE_TEST_*"])

  /// The faults of a configuration; none when it loads.
  static func faults(
    yaml: String? = nil, _ environment: [String: String] = [:], set overrides: [(String, String)] = []
  ) throws -> [SettingsFault] {
    do {
      _ = try load(yaml: yaml, environment, set: overrides)
      return []
    } catch let error as SettingsError {
      return error.faults
    }
  }

  /// Loads with `auth.token` already given.
  static func load(
    yaml: String? = nil, _ environment: [String: String] = [:], set overrides: [(String, String)] = []
  ) throws -> Settings {
    let folder = try TemporaryFolder()
    let file = try yaml.map { try folder.write("cadre.yaml", $0) }
    var environment = environment
    if environment["CADRE_AUTH_TOKEN"] == nil, environment["CADRE_AUTH_TOKEN_FILE"] == nil {
      environment["CADRE_AUTH_TOKEN"] = "hunter2"
    }
    return try table.load(
      SettingsSources(
        file: file, environment: environment,
        overrides: overrides.map { SettingsOverride(key: $0.0, value: $0.1) }))
  }
}
