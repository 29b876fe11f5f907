/// How a setting is read and shown: one vocabulary for the rows of a table and for the keys of structured sections.
///
/// The ready-made types are `.string()`, `.int(in:)`, `.number(in:)`, `.bool`, `.milliseconds(in:)`, `.bytes(in:)`,
/// `.word(_:)`, `.url(schemes:)`, `.strings()`, `.secret`, `.optional(_:)`, `.list(of:)`, `.dictionary(of:)`,
/// `.map(_:)` and `.tree`.
public struct SettingType<Value: Sendable & Equatable>: Sendable {
  /// One word for the reference, for example `integer`.
  public let name: String
  /// What is allowed, as it completes "allowed: …".
  public let allowed: String
  /// Whether the value is a secret: never shown, and accepted as a file by `<key>_file`.
  public let isSecret: Bool
  /// Whether the value is a list or a map of maps: given by the file only.
  let isStructured: Bool
  /// A required suffix of the key, which names the unit.
  let keySuffix: String?
  /// What a reader hands on after a fault, so that it can go on and find the next one.
  let placeholder: @Sendable () -> Value
  /// Reads the node; `nil` after a fault, which is then in the reader's log.
  let parse: @Sendable (ConfigReader) -> Value?
  /// The value as text, in the form in which it could be written. Not used for secrets.
  let render: @Sendable (Value) -> String
}

extension SettingType {
  /// What a scalar turned out to be.
  enum Reading {
    case value(Value)
    /// Of another type; the text completes "x …".
    case wrong(String)
    case outOfRange
  }

  /// A type of scalars.
  init(
    name: String, allowed: String, isSecret: Bool = false, showsRejected: Bool = true, keySuffix: String? = nil,
    placeholder: @escaping @Sendable () -> Value, render: @escaping @Sendable (Value) -> String,
    scalar: @escaping @Sendable (ConfigScalar) -> Reading
  ) {
    self.init(
      name: name, allowed: allowed, isSecret: isSecret, isStructured: false, keySuffix: keySuffix,
      placeholder: placeholder,
      parse: { reader in
        let hides = isSecret || !showsRejected
        guard let text = reader.node.scalar else {
          reader.reject(.wrongType, "is not a single value", allowed: allowed, hidden: hides)
          return nil
        }
        switch scalar(text) {
        case .value(let value): return value
        case .wrong(let problem): reader.reject(.wrongType, problem, allowed: allowed, hidden: hides)
        case .outOfRange: reader.reject(.outOfRange, "is out of range", allowed: allowed, hidden: hides)
        }
        return nil
      },
      render: render)
  }

  /// A type of your own, read from the text of a scalar.
  ///
  /// - Parameters:
  ///   - name: One word for the reference.
  ///   - allowed: What is allowed, for fault messages.
  ///   - placeholder: Any value; the service never gets it.
  ///   - render: The text that `read` would turn into the value again.
  ///   - read: The value, or `nil` when the text is not allowed.
  public static func text(
    _ name: String, allowed: String, placeholder: @autoclosure @escaping @Sendable () -> Value,
    render: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) -> Value?
  ) -> SettingType {
    SettingType(name: name, allowed: allowed, placeholder: placeholder, render: render) { scalar in
      read(scalar.text).map { .value($0) } ?? .wrong("is not allowed")
    }
  }

  /// A value that may be missing: declare it with `default: nil`.
  public static func optional<Wrapped>(_ type: SettingType<Wrapped>) -> SettingType where Value == Wrapped? {
    SettingType(
      name: type.name, allowed: type.allowed, isSecret: type.isSecret, isStructured: type.isStructured,
      keySuffix: type.keySuffix, placeholder: { nil },
      parse: { reader in type.parse(reader).map { .some($0) } },
      render: { $0.map(type.render) ?? "" })
  }
}
