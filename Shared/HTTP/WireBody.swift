internal import HTTPWire
internal import Reactor

/// Finds the end of a request body in the bytes of its connection.
struct WireBody {
  private enum State {
    /// This many bytes of a body with known length are still to come.
    case length(UInt64)
    /// Inside a chunked body.
    case chunked(ChunkedDecoder)
    /// The last byte was taken.
    case ended
  }

  private var state: State
  /// Bytes of the body that were taken.
  private(set) var taken: UInt64 = 0

  init(_ framing: BodyFraming) {
    switch framing {
    case .none, .untilClose, .length(0): state = .ended
    case .length(let count): state = .length(count)
    case .chunked: state = .chunked(ChunkedDecoder())
    }
  }

  /// Whether every byte was taken.
  var isEnded: Bool { if case .ended = state { true } else { false } }

  /// Bytes still to come, when that is known.
  var remaining: UInt64? {
    switch state {
    case .length(let count): count
    case .ended: 0
    case .chunked: nil
    }
  }

  /// The next piece of what has arrived; `nil` when more has to arrive or the end was reached.
  mutating func next(from input: inout ByteBuffer) throws(HTTPWireError) -> [UInt8]? {
    while !input.isEmpty {
      switch state {
      case .ended: return nil
      case .length(let remaining):
        let piece = input.take(Int(clamping: min(remaining, UInt64(input.count))))
        pass(UInt64(piece.count), of: remaining)
        return piece
      case .chunked(var decoder):
        let bytes = input.readable
        let step = try decoder.next(bytes)
        var piece: [UInt8]?
        if case .data(let range) = step.event {
          piece = [UInt8](UnsafeRawBufferPointer(rebasing: bytes[range]))
          taken &+= UInt64(range.count)
        }
        input.consume(step.consumed)
        if case .end = step.event { state = .ended } else { state = .chunked(decoder) }
        if let piece { return piece }
        if case .needMore = step.event { return nil }
      }
    }
    return nil
  }

  /// Drops what has arrived of the body. Returns how much that was.
  mutating func skip(_ input: inout ByteBuffer) throws(HTTPWireError) -> Int {
    let before = input.count
    while !input.isEmpty {
      switch state {
      case .ended: return before - input.count
      case .length(let remaining):
        let count = min(remaining, UInt64(input.count))
        input.consume(Int(clamping: count))
        pass(count, of: remaining)
      case .chunked(var decoder):
        let step = try decoder.next(input.readable)
        input.consume(step.consumed)
        if case .end = step.event { state = .ended } else { state = .chunked(decoder) }
      }
    }
    return before - input.count
  }

  private mutating func pass(_ count: UInt64, of remaining: UInt64) {
    taken &+= count
    state = count == remaining ? .ended : .length(remaining &- count)
  }
}
