/// One thing that is wrong with a configuration: what, where it was written, and what is allowed instead.
///
/// A message never contains the value of a secret, nor a value that was interpolated from the environment.
public struct SettingsFault: Sendable, Equatable {
  /// The kind of a fault, for tests and for machine-readable reports.
  public enum Code: String, Sendable {
    /// A key that no declaration has.
    case unknownKey = "unknown_key"
    /// A `CADRE_*` variable that no declaration has.
    case unknownVariable = "unknown_variable"
    /// An option of the command line that does not exist or lacks its argument.
    case unknownOption = "unknown_option"
    /// A value of another type than the declared one.
    case wrongType = "wrong_type"
    /// A value of the right type outside the allowed range or set.
    case outOfRange = "out_of_range"
    /// A required value that no source gives.
    case missing
    /// The same key twice, or a secret both as text and as a file.
    case conflict
    /// Text that is not YAML.
    case syntax
    /// YAML that is valid but refused: anchors, aliases, tags, several documents, keys that are not text.
    case unsupported
    /// A limit on size, depth or count was exceeded.
    case limit
    /// A `${NAME}` that is malformed or unset.
    case interpolation
    /// A file that is missing, unreadable or not a regular file.
    case unreadable
    /// A rule of the service's own.
    case invalid
  }

  /// The kind.
  public let code: Code
  /// Where it was written; `nil` when it was written nowhere.
  public let origin: SettingOrigin?
  /// The dotted key, for example `providers[2].base_url`; empty when the fault concerns no key.
  public let key: String
  /// What is wrong and what is allowed.
  public let message: String
}

extension SettingsFault: CustomStringConvertible {
  /// `cadre.yaml:3:9: http.port: 99999 is out of range; allowed: …`
  public var description: String {
    var parts: [String] = []
    if let origin { parts.append(origin.description) }
    if case .commandLine = origin {} else if !key.isEmpty { parts.append(key) }
    parts.append(message)
    return parts.joined(separator: ": ")
  }
}
