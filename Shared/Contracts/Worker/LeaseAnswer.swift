public import JSON

/// The steps that a worker has got.
public struct LeaseAnswer: Sendable {
  /// The leases.
  public let leases: [StepLease]
  /// Leases that could not be read. Their time passes and the steps are leased again.
  public let unreadableCount: Int

  /// Makes an answer.
  public init(_ leases: [StepLease]) {
    self.leases = leases
    unreadableCount = 0
  }

  /// Reads an answer; `nil` when it is none.
  public init?(_ view: JSONView) {
    guard let list = view["leases"], list.kind == .array else { return nil }
    leases = list.elements.compactMap { StepLease($0) }
    unreadableCount = list.count - leases.count
  }

  /// The document.
  public func document() -> [UInt8] {
    var writer = JSONWriter(reservingBytes: leases.reduce(64) { $0 + 640 + $1.input.count })
    writer.beginObject()
    writer.key("leases")
    writer.beginArray()
    for lease in leases { lease.write(to: &writer) }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }
}
