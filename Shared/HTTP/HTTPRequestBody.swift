internal import ContentCoding
internal import Contracts
internal import HTTPWire
internal import Primitives
internal import Reactor
internal import SystemSources

/// The body of a request, pulled piece by piece, so that a sender is never faster than its reader.
///
/// It holds the reader of its connection while the handler runs. Once the handler has answered, the connection takes
/// the reader back: a read that is still under way (an upload that is forwarded, say) is ended and waited for first,
/// and later ones fail. So nothing else reads when the next request, or the rest of this one, is read.
///
/// `@unchecked Sendable`: confined to the loop of its connection.
public final class HTTPRequestBody: @unchecked Sendable {
  /// Time that a sender always has, before the least rate counts.
  private static let graceNanoseconds: UInt64 = 15_000_000_000
  /// Time per byte that a sender has, on average: slower than 1 KiB a second is an attack or a dead link.
  private static let nanosecondsPerByte: UInt64 = 1_000_000_000 / 1024

  private static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  let socket: StreamSocket
  /// Here unless a read is under way or the connection has taken it back.
  private var reader: StreamReader?
  private var wire: WireBody
  private var decoding = BodyDecoding.none
  private let bytesMax: Int
  private let bufferedBodies: BufferedBodyLimit
  /// Bytes that somebody keeps, and those of them that were counted.
  private var buffered = 0
  private var counted = 0
  /// Bytes delivered, after decoding.
  private var delivered = 0
  /// Time that was spent waiting for the client, and only that.
  private var waitedNanoseconds: UInt64 = 0
  /// Set while the client waits for `100 Continue`, which is sent there when the body is first read.
  private var awaitsContinueOn: ServerConnection?
  private var isRevoked = false
  /// Gets what is delivered.
  private var observer: ((ArraySlice<UInt8>) -> Void)?
  /// Called once, before a body that had to be waited for is given away whole.
  private var completion: (() async throws -> Void)?
  private var revoker: UnsafeContinuation<Void, Never>?
  /// What was read ahead, and is delivered again.
  private var ahead: [UInt8]?
  /// Distinguishes a read from the one before, for cancellations that come late.
  private var readNumber: UInt64 = 0

  init(
    reader: consuming StreamReader, head: RequestHead, bytesMax: Int, bufferedBodies: BufferedBodyLimit,
    connection: ServerConnection
  ) {
    self.bufferedBodies = bufferedBodies
    socket = reader.socket
    self.reader = consume reader
    self.bytesMax = bytesMax
    wire = WireBody(head.framing)
    guard !wire.isEnded else { return }
    if head.expectsContinue { awaitsContinueOn = connection }
    if head.headers.contains(.contentEncoding) { decoding = BodyDecoding(head.headers, bytesMax: bytesMax) }
  }

  /// The length if the client declared it and the body is not compressed.
  public var declaredLength: UInt64? {
    if let ahead { return UInt64(ahead.count) }
    return if case .none = decoding { wire.remaining } else { nil }
  }

  /// Whether every byte was delivered.
  public var isEnded: Bool {
    guard wire.isEnded, ahead == nil else { return false }
    return switch decoding {
    case .none: true
    case .decoder(let decoder): decoder.isDrained
    case .refused: false
    }
  }

  /// Whether the body is decoded on its way: the request's `Content-Encoding` does not hold for what is delivered.
  public var isDecoded: Bool { if case .none = decoding { false } else { true } }

  /// The client was never asked to send the body and may not do so.
  var awaitsContinue: Bool { awaitsContinueOn != nil }

  // MARK: For handlers

  /// The next piece, `nil` after the last. Throws `Problem` (413 over the limit, 400 for bad framing, 408 for a sender
  /// that is too slow, 415 for a content coding that is not known), `CancellationError`, or `ReactorError` when the
  /// client is gone, the request has been answered, or another task reads.
  public func next() async throws -> [UInt8]? {
    if let ahead = takeAhead() { return ahead }
    if isEnded { return nil }
    var reader = try lend()
    let result: Result<[UInt8]?, any Error>
    do { result = .success(try await piece(&reader)) } catch { result = .failure(error) }
    takeBack(reader)
    let piece = try result.get()
    if let observer, let piece { observer(piece[...]) }
    if piece == nil || isEnded { try await complete() }
    return piece
  }

  /// Calls `observer` on the loop with every piece that is delivered from now on: for digests.
  public func observe(_ observer: @escaping (ArraySlice<UInt8>) -> Void) { self.observer = observer }

  /// Calls `completion` on the loop once the last of the body has arrived, before that is delivered. What it throws is
  /// thrown in its place. A request without a body never calls it.
  public func whenComplete(_ completion: @escaping () async throws -> Void) { self.completion = completion }

  private func complete() async throws {
    guard let completion else { return }
    self.completion = nil
    try await completion()
  }

  /// The whole body. Throws as `next` does.
  public func collect() async throws -> [UInt8] {
    if let ahead = takeAhead() { return ahead }
    if isEnded { return [] }
    guard case .none = decoding, wire.taken == 0, let length = wire.remaining else { return try await collectPieces() }
    try checkLimit(length)
    var reader = try lend()
    let result: Result<[UInt8], any Error>
    do { result = .success(try await whole(&reader, length)) } catch { result = .failure(error) }
    takeBack(reader)
    let body = try result.get()
    observer?(body[...])
    try await complete()
    return body
  }

  /// The whole body, which is delivered once more to who reads it afterwards. Call it before anybody reads. Throws as
  /// `next` does.
  public func readAhead() async throws -> [UInt8] {
    let whole = try await collect()
    // An empty one would be a piece without bytes.
    ahead = whole.isEmpty ? nil : whole
    return whole
  }

  private func takeAhead() -> [UInt8]? {
    defer { ahead = nil }
    return ahead
  }

  /// Says that `more` bytes of the body are kept until the request is answered. Throws 503 when too many are, over all
  /// requests. `collect` does so by itself; who gathers pieces has to.
  public func keep(_ more: Int) throws(Problem) {
    guard more > 0 else { return }
    buffered &+= more
    let needed = buffered - BufferedBodyLimit.freeBytes
    guard needed > counted else { return }
    // By doubling: of many that grow at once some come to their end, instead of all being refused on the way.
    let wanted = max(needed, min(counted &* 2, bytesMax))
    guard bufferedBodies.reserve(wanted &- counted) else {
      releaseBuffered()
      throw Problem(
        .overloaded, "Too many large bodies are being worked on at the moment; try again shortly.", retryAfterSeconds: 1
      )
    }
    counted = wanted
  }

  /// What was kept is not any more: the request is answered, or refused.
  func releaseBuffered() {
    bufferedBodies.release(counted)
    counted = 0
  }

  private func collectPieces() async throws -> [UInt8] {
    var whole: [UInt8] = []
    while let piece = try await next() {
      try keep(piece.count)
      if whole.isEmpty { whole = piece } else { whole += piece }
    }
    return whole
  }

  private func whole(_ reader: inout StreamReader, _ length: UInt64) async throws -> [UInt8] {
    while try !isThere(reader, length) { try await receive(&reader) }
    return try takeWhole(&reader)
  }

  // What follows is not inlined: the optimizer of Swift 6.3.1 crashes on accessors within a loop of an async function.

  /// Whether all of a body has arrived. What has is kept.
  @inline(never)
  private func isThere(_ reader: borrowing StreamReader, _ length: UInt64) throws -> Bool {
    let count = reader.input.count
    try keep(min(count, Int(clamping: length)) - buffered)
    return UInt64(count) >= length
  }

  @inline(never)
  private func takeWhole(_ reader: inout StreamReader) throws -> [UInt8] {
    let whole = try wireStep { () throws(HTTPWireError) in try wire.next(from: &reader.input) } ?? []
    delivered = whole.count
    // The answer may take minutes; thousands that wait need no buffers.
    reader.input.releaseIfEmpty()
    return whole
  }

  private func piece(_ reader: inout StreamReader) async throws -> [UInt8]? {
    switch decoding {
    case .refused(let problem): throw problem
    case .none: return try await raw(&reader)
    case .decoder(let decoder):
      while true {
        if let piece = try unpacked({ () throws(ContentCodingError) in try decoder.next() }) {
          try count(piece)
          // Unpacking much out of little must not keep the loop from its other work.
          await Task.yield()
          return piece
        }
        guard let bytes = try await packed(&reader) else {
          try unpacked { () throws(ContentCodingError) in try decoder.finish() }
          return nil
        }
        decoder.feed(bytes)
      }
    }
  }

  private func raw(_ reader: inout StreamReader) async throws -> [UInt8]? {
    while true {
      if let length = wire.remaining { try checkLimit(length) }
      if let bytes = try wireStep({ () throws(HTTPWireError) in try wire.next(from: &reader.input) }) {
        try count(bytes)
        return bytes
      }
      if wire.isEnded { return nil }
      try await receive(&reader)
    }
  }

  /// The next bytes of a compressed body. They have the same limit as what comes out of them.
  private func packed(_ reader: inout StreamReader) async throws -> [UInt8]? {
    while true {
      guard wire.taken &+ (wire.remaining ?? 0) <= UInt64(max(0, bytesMax)) else { throw tooLarge }
      if let bytes = try wireStep({ () throws(HTTPWireError) in try wire.next(from: &reader.input) }) { return bytes }
      if wire.isEnded { return nil }
      try await receive(&reader)
    }
  }

  private func unpacked<T>(_ body: () throws(ContentCodingError) -> T) throws(Problem) -> T {
    do { return try body() } catch { throw Problem(error, bytesMax: bytesMax) }
  }

  private func count(_ piece: [UInt8]) throws(Problem) {
    try checkLimit(UInt64(piece.count))
    delivered += piece.count
  }

  private func wireStep<T>(_ body: () throws(HTTPWireError) -> T) throws(Problem) -> T {
    do { return try body() } catch {
      throw Problem(error.status, code: error.code.rawValue, error.message)
    }
  }

  private func checkLimit(_ more: UInt64) throws(Problem) {
    guard more > UInt64(max(0, bytesMax - delivered)) else { return }
    throw tooLarge
  }

  private var tooLarge: Problem {
    Problem(.bodyTooLarge, "The body is larger than \(bytesMax) bytes, the limit of this address.")
  }

  private func receive(_ reader: inout StreamReader) async throws {
    if let connection = awaitsContinueOn {
      awaitsContinueOn = nil
      connection.writer.write(HTTPRequestBody.goOn)
    }
    let started = MonotonicClock.now()
    let (earned, overflow) = (wire.taken &+ UInt64(reader.input.count)).multipliedReportingOverflow(
      by: HTTPRequestBody.nanosecondsPerByte)
    let patience = HTTPRequestBody.graceNanoseconds &+ (overflow ? UInt64(Int64.max) : earned)
    let deadline = started &+ (patience > waitedNanoseconds ? patience &- waitedNanoseconds : 0)
    let (number, loop) = (readNumber, socket.loop)
    let more: Bool
    do {
      more = try await withTaskCancellationHandler {
        try await reader.fill(until: deadline)
      } onCancel: {
        loop.execute { self.interrupt(read: number) }
      }
    } catch let error as ReactorError where error.code == .timedOut {
      throw Problem(.bodyTooSlow, "The rest of the body did not arrive in time.")
    } catch let error as ReactorError where error.code == .interrupted {
      if Task.isCancelled { throw CancellationError() }
      throw ReactorError(.interrupted, operation: "request body")
    }
    waitedNanoseconds &+= MonotonicClock.now() &- started
    guard more else { throw ReactorError(.peerClosed, operation: "request body") }
  }

  // MARK: Who has the reader

  private func lend() throws(ReactorError) -> StreamReader {
    if isRevoked { throw ReactorError(.interrupted, operation: "request body") }
    guard let reader = reader.take() else { throw ReactorError(.busy, operation: "request body") }
    readNumber &+= 1
    return reader
  }

  private func takeBack(_ reader: consuming StreamReader) {
    socket.clearReadInterruption()
    readNumber &+= 1
    self.reader = consume reader
    revoker?.resume()
    revoker = nil
  }

  private func interrupt(read number: UInt64) {
    guard number == readNumber else { return }
    socket.interruptRead()
  }

  /// Ends every read, now and later, and gives the reader back to the connection, once a read that is under way has
  /// ended. `nil` when it was taken back before.
  func revoke() async -> StreamReader? {
    isRevoked = true
    if let reader = reader.take() { return reader }
    socket.interruptRead()
    await withUnsafeContinuation { continuation in
      if reader != nil || revoker != nil { continuation.resume() } else { revoker = continuation }
    }
    return reader.take()
  }

  // MARK: What the handler left

  /// Bytes of the body that have not arrived, when that is known.
  var remaining: UInt64? { wire.remaining }

  /// Whether the body has been read, or skipped, to its end on the wire.
  var isEndedOnWire: Bool { wire.isEnded }

  /// Drops what has arrived of the rest. Returns whether it could be understood.
  func skip(_ reader: inout StreamReader) -> Bool {
    (try? wire.skip(&reader.input)) != nil
  }
}
