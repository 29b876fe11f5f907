internal import JSON

/// A place in the order of changes that the gateway has stored. Of two revisions the later one counts, in whatever
/// order they arrive.
public struct PolicyRevision: Hashable, Comparable, Sendable {
  /// Grows when an older state of the gateway's database was restored: numbers then begin again.
  public let epoch: Int64
  /// Counts the changes of an epoch.
  public let number: Int64

  /// Before everything.
  public static let none = PolicyRevision(epoch: 0, number: 0)

  /// Makes a revision.
  public init(epoch: Int64, number: Int64) {
    self.epoch = epoch
    self.number = number
  }

  /// Whether one is earlier.
  public static func < (one: PolicyRevision, other: PolicyRevision) -> Bool {
    (one.epoch, one.number) < (other.epoch, other.number)
  }

  /// Reads a revision; `nil` when it is none.
  init?(_ view: JSONView?) {
    guard let epoch = view?["epoch"]?.int, let number = view?["number"]?.int, epoch >= 0, number >= 0 else {
      return nil
    }
    self.init(epoch: epoch, number: number)
  }

  func write(_ name: String, to writer: inout JSONWriter) {
    writer.key(name)
    writer.beginObject()
    writer.member("epoch", epoch)
    writer.member("number", number)
    writer.endObject()
  }
}
