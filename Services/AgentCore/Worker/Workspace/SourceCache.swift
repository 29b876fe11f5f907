/// Sources of users' tools by their digests. What was kept longest leaves when there is no room.
struct SourceCache {
  private let bytesMax: Int
  private var bytes = 0
  private var sources: [String: [UInt8]] = [:]
  private var order: [String] = []

  /// Keeps up to `bytesMax` bytes.
  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// A source.
  func find(_ sha256: String) -> [UInt8]? { sources[sha256] }

  /// Keeps a source.
  mutating func add(_ sha256: String, _ source: [UInt8]) {
    guard sources[sha256] == nil, source.count <= bytesMax else { return }
    while bytes + source.count > bytesMax, !order.isEmpty {
      bytes -= sources.removeValue(forKey: order.removeFirst())?.count ?? 0
    }
    sources[sha256] = source
    order.append(sha256)
    bytes += source.count
  }
}
