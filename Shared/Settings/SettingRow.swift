/// A declared setting without its static type: what tables, references and status pages need.
public struct SettingRow: Sendable {
  /// The dotted key.
  public let key: String
  /// The environment variable; `nil` for structured settings, which only the file can give.
  public let environmentName: String?
  /// One word for the type.
  public let typeName: String
  /// What is allowed, in words.
  public let allowed: String
  /// The default as text, `nil` when there is none to show.
  public let defaultText: String?
  /// Whether some source must give a value.
  public let isRequired: Bool
  /// Whether the value must never be shown.
  public let isSecret: Bool
  /// One sentence for the reference.
  public let description: String

  /// Whether only the file can give it.
  var isStructured: Bool { environmentName == nil }
  /// A suffix that the key must have.
  let keySuffix: String?
  /// Whether the value may stand in a file of its own.
  let acceptsFile: Bool
  let defaultValue: (any AnySettingValue)?
  let parse: @Sendable (ConfigReader) -> (any AnySettingValue)?

  init<Value>(
    key: String, type: SettingType<Value>, defaultValue: Value?, environment: String?, secret: Bool, description: String
  ) {
    let isSecret = secret || type.isSecret
    // A missing optional renders as an empty text, which shows more than a mask and betrays nothing.
    let render: @Sendable (Value) -> String = { value in
      let text = type.render(value)
      return isSecret && !text.isEmpty ? Secret.mask : text
    }
    self.key = key
    self.environmentName = type.isStructured ? nil : environment ?? Self.environmentName(of: key)
    self.typeName = type.name
    self.allowed = type.allowed
    self.isRequired = defaultValue == nil
    self.isSecret = isSecret
    self.description = description
    self.keySuffix = type.keySuffix
    self.acceptsFile = isSecret && !type.isStructured
    self.defaultValue = defaultValue.map { SettingValue(value: $0, text: render($0)) }
    self.defaultText = defaultValue.map { render($0) }.flatMap { $0.isEmpty ? nil : $0 }
    self.parse = { reader in
      guard let value = type.parse(reader) else { return nil }
      return SettingValue(value: value, text: render(value))
    }
  }

  /// `http.port` becomes `CADRE_HTTP_PORT`.
  static func environmentName(of key: String) -> String {
    "CADRE_" + key.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
  }
}

/// A value with its static type hidden.
protocol AnySettingValue: Sendable {
  /// As shown: masked when secret.
  var text: String { get }
}

/// A value with its static type, so that reading needs no cast of optionals.
struct SettingValue<Value: Sendable & Equatable>: AnySettingValue {
  let value: Value
  let text: String
}
