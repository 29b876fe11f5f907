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
    String(unsafeUninitializedCapacity: ID.textBytes) { write(to: $0) }
  }

  /// Bytes of the wire form.
  static var textBytes: Int { Kind.prefix.utf8.count + 33 }

  /// Writes the wire form to a buffer with room for it. Returns its length.
  func write(to buffer: UnsafeMutableBufferPointer<UInt8>) -> Int {
    var position = 0
    for byte in Kind.prefix.utf8 {
      buffer[position] = byte
      position += 1
    }
    buffer[position] = UInt8(ascii: "_")
    Hex.write(uuid.high, to: buffer, at: position + 1)
    Hex.write(uuid.low, to: buffer, at: position + 17)
    return position + 33
  }

  /// Lends the wire form.
  func withText<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: ID.textBytes) { buffer in
      let count = write(to: buffer)
      return body(UnsafeBufferPointer(rebasing: buffer[..<count]))
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
