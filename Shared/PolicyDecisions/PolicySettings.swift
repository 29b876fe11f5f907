public import Settings

/// The settings of policies.
public enum PolicySettings {
  /// Where the policies are.
  public static let folder = Setting(
    "policy.folder", .string(bytesMaximum: 4096), default: "",
    "Folder with the policies (*.rego) and, in its folder data, the documents they read. Read again when it changes. Empty takes `policies` beside the program or in one of the folders above it."
  )
  /// Whether they count.
  public static let mode = Setting(
    "policy.mode", .word(PolicyMode.self), default: .enforce,
    "What becomes of decisions: off (policies are not asked), dry_run (asked and logged, everything is allowed), enforce."
  )
  /// For how many tenants.
  public static let canaryPercent = Setting(
    "policy.canary_percent", .int(in: 0...100), default: 100,
    "Of a hundred tenants, those for which enforce is in force; for the others it is dry_run.")
  /// The halt switch.
  public static let halt = Setting(
    "policy.halt", .bool, default: false, "Refuses everything but reading, whatever the policies say.")
  /// The server.
  public static let url = Setting(
    "policy.url", .string(bytesMaximum: 2048), default: "",
    "Base URL of an OPA server that decides instead of the policies in the folder, for example http://opa:8181.")
  /// Its credential.
  public static let token = Setting(
    "policy.url_token", .secret, default: Secret(""), "Bearer token for the OPA server.")
  /// Its cache.
  public static let urlCache = Setting(
    "policy.url_cache_ms", .milliseconds(in: 0...60_000), default: .seconds(1),
    "How long an answer of the OPA server is remembered; 0 for not at all.")
  /// Time of a decision.
  public static let timeout = Setting(
    "policy.timeout_ms", .milliseconds(in: 1...10_000), default: .milliseconds(250),
    "Longest time of a decision. What takes longer is refused.")
  /// Look-ups of changes.
  public static let reload = Setting(
    "policy.reload_ms", .milliseconds(in: 100...3_600_000), default: .seconds(2),
    "Time between two looks at the folder of the policies. A change is loaded at the second look that finds it the same."
  )
  /// Size of the cache.
  public static let cacheEntries = Setting(
    "policy.cache_entries", .int(in: 0...1_000_000), default: 50_000,
    "Decisions that are remembered; 0 for none.")
  /// The decision log.
  public static let log = Setting(
    "policy.log", .string(bytesMaximum: 4096), default: "",
    "File for the decision log, a line of JSON per decision in the schema of OPA; - for the standard output, empty for none."
  )
  /// Size of a file of it.
  public static let logBytes = Setting(
    "policy.log_bytes", .bytes(in: (64 << 10)...(4 << 30)), default: 64 << 20,
    "Size of a file of the decision log; then a new one is begun.")
  /// Old files of it.
  public static let logFiles = Setting(
    "policy.log_files", .int(in: 1...100), default: 4, "Older files of the decision log that are kept.")
  /// Sampling.
  public static let logAllowedPercent = Setting(
    "policy.log_allowed_percent", .int(in: 0...100), default: 100,
    "Of a hundred decisions that allow, those that are logged. Refusals are always logged.")
  /// Masks.
  public static let logMasked = Setting(
    "policy.log_masked", .strings(countMaximum: 100), default: [],
    "JSON pointers to what is left out of the decision log, beginning with /input or /result; * stands for any member. Members that are named like secrets are always left out."
  )

  /// All of them.
  public static let all: [any SettingDeclaration] = [
    folder, mode, canaryPercent, halt, url, token, urlCache, timeout, reload, cacheEntries, log, logBytes, logFiles,
    logAllowedPercent, logMasked,
  ]
}
