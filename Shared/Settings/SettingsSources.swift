@preconcurrency internal import Glibc

/// What a configuration is read from, weakest first: the defaults of the table, a YAML file, the environment, the
/// command line.
public struct SettingsSources: Sendable {
  /// The path of the YAML file; `nil` for none.
  public var file: String?
  /// The environment. An empty value counts as unset, so that `NAME=${NAME:-}` in a compose file does no harm.
  public var environment: [String: String]
  /// Values of `--set key=value`, in order; a later one wins.
  public var overrides: [SettingsOverride]

  /// Names the sources. Without a file, `CADRE_CONFIG` of the environment is used when it is set.
  public init(file: String? = nil, environment: [String: String] = [:], overrides: [SettingsOverride] = []) {
    let variable = environment[SettingsTable.configVariable].flatMap { $0.isEmpty ? nil : $0 }
    self.file = file ?? variable
    self.environment = environment
    self.overrides = overrides
  }

  /// The environment of this process, read once at start, before any other thread runs.
  public static func processEnvironment() -> [String: String] {
    var result: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      // The first of two equal names wins, as it does in `getenv`.
      if let equals = text.firstIndex(of: "="), result[String(text[..<equals])] == nil {
        result[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return result
  }
}

extension SettingsSources: CustomReflectable {
  /// Reflection shows the file only: the rest may hold secrets.
  public var customMirror: Mirror { Mirror(self, children: ["file": file ?? "none"]) }
}

/// A value given by `--set key=value`.
public struct SettingsOverride: Sendable, Equatable {
  /// The dotted key.
  public let key: String
  /// The value as text.
  public let value: String

  /// Names a key and its value.
  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}
