internal import HTTPWire
internal import Reactor

/// A piece of a streamed body that goes to many clients: framed once for all of them.
public struct SharedPiece: Sendable, Hashable {
  /// The piece as a chunk of HTTP/1.1.
  let chunk: [UInt8]
  /// Where the bytes of the body are in it.
  private let body: Range<Int>

  /// Makes a piece, which is not empty: an empty chunk would end the body.
  public init?(_ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return nil }
    var chunk: [UInt8] = []
    chunk.reserveCapacity(bytes.count + 12)
    ChunkedEncoder.appendHead(bytes.count, to: &chunk)
    body = chunk.count..<chunk.count + bytes.count
    chunk += bytes
    chunk += [13, 10]
    self.chunk = chunk
  }

  /// Several pieces as one, so that they reach each client by one call of the kernel; `nil` for none.
  public init?(joining pieces: some Collection<SharedPiece>) {
    if pieces.count == 1, let piece = pieces.first {
      self = piece
    } else {
      self.init(pieces.flatMap { $0.bytes })
    }
  }

  /// The bytes of the body.
  public var bytes: ArraySlice<UInt8> { chunk[body] }

  /// The number of bytes of the body.
  public var count: Int { body.count }
}

/// A way to the body of a streamed answer for somebody else than its producer, while that waits: what is meant for
/// thousands of clients reaches each without waking a task. On the loop of the connection, and only until the producer
/// ends: then the connection may go on with another request.
public struct ResponseOutlet: Sendable {
  let connection: ServerConnection
  let isChunked: Bool

  /// Sends a piece to a client that has taken all that was sent before. Returns `false`, having sent nothing, when it
  /// has not or has gone: then it is for the producer to wait, or to end.
  public func send(_ piece: SharedPiece) -> Bool {
    let isSent = piece.chunk.withUnsafeBytes { chunk in
      let bytes = isChunked ? chunk : UnsafeRawBufferPointer(rebasing: chunk[piece.bytes.indices])
      return connection.writer.pass(bytes)
    }
    if isSent { connection.bodyBytes &+= UInt64(piece.count) }
    return isSent
  }
}
