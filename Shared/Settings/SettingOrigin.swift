/// Where a value came from, as fault messages and the status page name it.
public enum SettingOrigin: Sendable, Hashable {
  /// The default of the declaration.
  case defaultValue
  /// A place in a YAML file; line and column count from one.
  case file(path: String, line: Int, column: Int)
  /// An environment variable.
  case environment(name: String)
  /// A `--set key=value` option.
  case commandLine(key: String)
}

extension SettingOrigin: CustomStringConvertible {
  /// `default`, `cadre.yaml:3:9`, `CADRE_HTTP_PORT` or `--set http.port`.
  public var description: String {
    switch self {
    case .defaultValue: "default"
    case .file(let path, let line, let column): "\(path):\(line):\(column)"
    case .environment(let name): name
    case .commandLine(let key): "--set \(key)"
    }
  }
}
