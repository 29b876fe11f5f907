public import Primitives

/// What an identifier names; gives its prefix on the wire.
public protocol IdentifiedKind: Sendable {
  /// The prefix without the underscore, for example `run`.
  static var prefix: String { get }
}

/// A UUIDv7 that knows what it names. On the wire `prefix_` and 32 hexadecimal digits, for example
/// `run_019387a2c1d47b3e8f2a4c6d8e0f1a2b`.
public struct ID<Kind: IdentifiedKind>: UUIDWrapper, Hashable, Sendable, Comparable, CustomStringConvertible {
  /// The identifier as it is stored.
  public let uuid: UUID

  /// Wraps a stored identifier.
  public init(_ uuid: UUID) { self.uuid = uuid }

  /// Reads the wire form; `nil` for another prefix or malformed digits.
  public init?(_ text: some StringProtocol) {
    let prefix = Kind.prefix
    let uuid =
      text.utf8.withContiguousStorageIfAvailable { ID.uuid($0, behind: prefix) }
      ?? Array(text.utf8).withUnsafeBufferPointer { ID.uuid($0, behind: prefix) }
    guard let uuid else { return nil }
    self.uuid = uuid
  }

  private static func uuid(_ text: UnsafeBufferPointer<UInt8>, behind prefix: String) -> UUID? {
    let count = prefix.utf8.count
    guard text.count == count + 33, text[count] == UInt8(ascii: "_"), text.prefix(count).elementsEqual(prefix.utf8)
    else { return nil }
    return UUID(ascii: UnsafeBufferPointer(rebasing: text.dropFirst(count + 1)))
  }

  /// The wire form.
  public var description: String {
    let prefix = Kind.prefix.utf8
    return String(unsafeUninitializedCapacity: prefix.count + 33) { buffer in
      var position = 0
      for byte in prefix {
        buffer[position] = byte
        position += 1
      }
      buffer[position] = UInt8(ascii: "_")
      Hex.write(uuid.high, to: buffer, at: position + 1)
      Hex.write(uuid.low, to: buffer, at: position + 17)
      return position + 33
    }
  }

  /// By time of creation.
  public static func < (left: ID, right: ID) -> Bool { left.uuid < right.uuid }
}

/// Names tenants.
public enum TenantKind: IdentifiedKind {
  /// `tenant`
  public static let prefix = "tenant"
}
/// Names tasks.
public enum TaskKind: IdentifiedKind {
  /// `task`
  public static let prefix = "task"
}
/// Names runs.
public enum RunKind: IdentifiedKind {
  /// `run`
  public static let prefix = "run"
}
/// Names steps.
public enum StepKind: IdentifiedKind {
  /// `step`
  public static let prefix = "step"
}

/// The isolation boundary.
public typealias TenantID = ID<TenantKind>
/// What somebody wants done.
public typealias TaskID = ID<TaskKind>
/// One execution of a task.
public typealias RunID = ID<RunKind>
/// A node of a run's graph.
public typealias StepID = ID<StepKind>
