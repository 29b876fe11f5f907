/// A text that must not be shown: descriptions, reflection and string interpolation yield `[secret]`.
public struct Secret: Sendable, Equatable {
  /// What is shown instead of a secret.
  public static let mask = "[secret]"

  private let text: String

  /// Wraps a text.
  public init(_ text: String) { self.text = text }

  /// The text itself; the name marks each place that uses it.
  public func reveal() -> String { text }

  /// Whether there is no text.
  public var isEmpty: Bool { text.isEmpty }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Always `[secret]`.
  public var description: String { Self.mask }
  /// Always `[secret]`.
  public var debugDescription: String { Self.mask }
  /// A mirror without children, so that `dump` shows nothing either.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
