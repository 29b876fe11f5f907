/// A node of a configuration tree, with the place where it was written.
public struct ConfigNode: Sendable {
  /// What a node holds.
  public indirect enum Content: Sendable, Equatable {
    /// A single value.
    case scalar(ConfigScalar)
    /// A sequence.
    case list([ConfigNode])
    /// A mapping in the order of the file; keys are unique texts.
    case map([ConfigEntry])
  }

  /// What the node holds.
  public let content: Content
  /// Where it was written.
  public let origin: SettingOrigin

  init(_ content: Content, _ origin: SettingOrigin) {
    self.content = content
    self.origin = origin
  }

  /// The value of a key; `nil` when the node is no map or lacks the key.
  public subscript(key: String) -> ConfigNode? {
    guard case .map(let entries) = content else { return nil }
    return entries.first { $0.key == key }?.value
  }

  /// The scalar, when it is one.
  public var scalar: ConfigScalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }

  /// Whether the node is a null scalar, which counts as "not set".
  public var isNull: Bool { scalar?.value == .null }

  /// `a map`, `a list` or the scalar as written, for fault messages.
  var displayText: String {
    switch content {
    case .scalar(let scalar): scalar.value == .null ? "an empty value" : scalar.displayText
    case .list: "a list"
    case .map: "a map"
    }
  }
}

extension ConfigNode: Equatable {
  /// The same content; places do not matter.
  public static func == (left: ConfigNode, right: ConfigNode) -> Bool { left.content == right.content }
}

/// A key of a map with its value.
public struct ConfigEntry: Sendable {
  /// The key.
  public let key: String
  /// Where the key was written.
  public let origin: SettingOrigin
  /// The value.
  public let value: ConfigNode
}

extension ConfigEntry: Equatable {
  /// The same key and value; places do not matter.
  public static func == (left: ConfigEntry, right: ConfigEntry) -> Bool {
    left.key == right.key && left.value == right.value
  }
}
