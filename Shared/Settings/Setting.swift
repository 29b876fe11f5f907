/// One declared setting of a service.
///
/// ```swift
/// enum HTTPSettings {
///   static let port = Setting("http.port", .int(in: 1...65_535), default: 8080, "Port of the public listener.")
///   static let all: [any SettingDeclaration] = [port]
/// }
/// let port = settings[HTTPSettings.port]  // an Int
/// ```
///
/// Outside the file a flat setting has an environment name, `CADRE_` and the key in upper case with `_` for `.`;
/// secrets are also accepted as the path of a file by `<key>_file` and `<NAME>_FILE`.
public struct Setting<Value: Sendable & Equatable>: Sendable {
  /// The dotted key, for example `http.port`.
  public let key: String
  /// The erased form, as a table keeps it.
  public let row: SettingRow

  /// Declares a setting with a default.
  ///
  /// - Parameters:
  ///   - key: Words of `a-z0-9_` joined by dots; durations end in `_ms`, sizes in `_bytes`.
  ///   - type: How it is read.
  ///   - value: The default.
  ///   - environment: The variable, when it is a standard name such as `OTEL_SERVICE_NAME`.
  ///   - secret: Whether the value must never be shown, for types that are not secret by themselves.
  ///   - description: One sentence for the reference.
  public init(
    _ key: String, _ type: SettingType<Value>, default value: Value, environment: String? = nil,
    secret: Bool = false, _ description: String
  ) {
    self.key = key
    self.row = SettingRow(
      key: key, type: type, defaultValue: .some(value), environment: environment, secret: secret,
      description: description)
  }

  /// Declares a required setting.
  ///
  /// - Parameters:
  ///   - key: Words of `a-z0-9_` joined by dots; durations end in `_ms`, sizes in `_bytes`.
  ///   - type: How it is read.
  ///   - environment: The variable, when it is a standard name.
  ///   - secret: Whether the value must never be shown, for types that are not secret by themselves.
  ///   - description: One sentence for the reference.
  public init(
    _ key: String, _ type: SettingType<Value>, environment: String? = nil,
    secret: Bool = false, _ description: String
  ) {
    self.key = key
    self.row = SettingRow(
      key: key, type: type, defaultValue: nil, environment: environment, secret: secret,
      description: description)
  }
}

/// Anything a table can list; only `Setting` conforms.
public protocol SettingDeclaration: Sendable {
  /// The erased form.
  var row: SettingRow { get }
}

extension Setting: SettingDeclaration {}
