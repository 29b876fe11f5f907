/// Undoes the content codings of one message, piece by piece, with a bound on what comes out of each of them.
///
/// Feed what has arrived, take pieces until there is none, and call `finish()` behind the last byte.
public final class ContentDecoder {
  /// Most bytes of one piece: what a decoder makes of little input before others have their turn.
  public static let pieceBytesMax = 64 * 1024

  /// The coding that was applied last comes first.
  private let stages: [any DecodingStage]
  /// What came out of each stage.
  private var produced: [Int]
  private let bytesMax: Int
  private var isFinished = false

  /// A decoder for codings in the order in which they were applied. `bytesMax` bounds the result, and what lies between
  /// two codings.
  public init(_ codings: [ContentCoding], bytesMax: Int) throws(ContentCodingError) {
    guard codings.count <= ContentCoding.layersMax else { throw .tooManyLayers }
    var stages: [any DecodingStage] = []
    for coding in codings.reversed() {
      switch coding {
      case .gzip, .deflate: stages.append(InflateStage(coding))
      case .zstd: stages.append(try ZstdStage())
      }
    }
    self.stages = stages
    produced = Array(repeating: 0, count: stages.count)
    self.bytesMax = bytesMax
  }

  /// Whether `finish()` was called and every byte was taken.
  public var isDrained: Bool { isFinished && stages.allSatisfy { $0.isAtEnd } }

  /// Takes what has arrived.
  public func feed(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    stages.first?.feed(bytes)
  }

  /// The next piece of the content; `nil` when more has to arrive. Throws for bytes that are not what the coding says,
  /// and beyond the bound.
  public func next() throws(ContentCodingError) -> [UInt8]? {
    guard !stages.isEmpty else { return nil }
    return try piece(of: stages.count - 1)
  }

  private func piece(of index: Int) throws(ContentCodingError) -> [UInt8]? {
    while true {
      let piece = try stages[index].decode()
      if !piece.isEmpty {
        let (total, overflow) = produced[index].addingReportingOverflow(piece.count)
        guard !overflow, total <= bytesMax else { throw .tooLarge }
        produced[index] = total
        return piece
      }
      guard index > 0, let more = try self.piece(of: index - 1) else { return nil }
      stages[index].feed(more)
    }
  }

  /// The last byte has arrived. Call it when `next()` gives nothing more. Throws when a coding has not come to its end.
  public func finish() throws(ContentCodingError) {
    isFinished = true
    for stage in stages where !stage.isAtEnd { throw .cutShort(stage.coding) }
  }
}
