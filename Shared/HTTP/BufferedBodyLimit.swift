internal import Synchronization

/// The limit on the memory that the bodies of requests take while a server buffers them whole, over all its loops.
///
/// The limit of a route bounds one body. A few hundred large ones at once, or small ones that unpack to large ones,
/// would still use up the memory of the machine; beyond this bound a large body is refused with 503, while small ones
/// go on. Their sum is bounded by the number of connections.
final class BufferedBodyLimit: Sendable {
  /// The first bytes of each body, which do not count.
  static let freeBytes = 64 * 1024

  private let bytesMax: Int
  private let count = Atomic<Int>(0)

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Bytes that are buffered at the moment.
  var bytes: Int { count.load(ordering: .relaxed) }

  /// Reserves room for more bytes. Returns whether there is any.
  func reserve(_ more: Int) -> Bool {
    guard count.add(more, ordering: .relaxed).newValue > bytesMax else { return true }
    release(more)
    return false
  }

  /// Releases room.
  func release(_ bytes: Int) { count.subtract(bytes, ordering: .relaxed) }
}
