internal import CLinux
internal import Glibc

/// A connected, non-blocking stream socket of one event loop: its life, its deadlines, and what is known of its peer.
///
/// It is read through its one `StreamReader` and written through its one `StreamWriter`. Neither can be copied, so two
/// parts of a program can never read, or send, on the same connection: whoever shall has to be given the half.
///
/// Reading is pulled, so a slow consumer stops the peer by TCP's own window. Writing appends to the output, which is
/// flushed once at the end of the loop's turn.
///
/// `@unchecked Sendable`: confined to its loop, which every entry point checks or is called from.
public final class StreamSocket: ReadinessHandler, @unchecked Sendable {
  /// Unsent bytes above which `StreamWriter.drained()` waits; a writer that respects it holds at most this and one
  /// piece per peer.
  public static let outputBytesMax = 256 * 1024
  /// How often a peer that takes nothing is looked at within the time that it has.
  private static let looksPerStall: UInt64 = 4

  /// Why a wait of the reader ended.
  enum ReadWake {
    /// There may be something to read.
    case ready
    /// Its deadline passed.
    case timedOut
  }

  /// The loop that owns the socket.
  public let loop: EventLoop
  /// Why the socket is no longer usable, once it is not.
  public private(set) var failure: ReactorError?
  /// The peer has closed its sending side; buffered input may remain.
  public internal(set) var peerClosed = false
  /// Total bytes received.
  public internal(set) var bytesReceived: UInt64 = 0
  /// Total bytes passed to the kernel.
  public private(set) var bytesSent: UInt64 = 0
  /// Called once when the peer goes away (half or full close) or the socket fails.
  public var onPeerGone: (() -> Void)?
  /// Nanoseconds in which the peer must take something of what waits for it; then the socket fails with `stalled`.
  /// 0 means any time.
  public var stallLimit: UInt64 = 0

  var input = ByteBuffer()
  var output = ByteBuffer()
  var fd: Int32
  var kernelReadable = true
  private var hasReader = true
  private var hasWriter = true

  // Reading.
  var readWaiter: UnsafeContinuation<ReadWake, Never>?
  var readIsInterrupted = false
  private var readDeadline = UInt64.max
  private var readTimer: Timer?

  // Writing.
  private var kernelWritable = true
  private var flushScheduled = false
  private var closeAfterFlush = false
  private var shutdownAfterFlush = false
  private var drainWaiters: [(limit: Int, continuation: UnsafeContinuation<Void, Never>)] = []
  private(set) var writeFailure: ReactorError?
  private var stallTimer: Timer?
  private var takenAtLastLook: UInt64 = 0
  private var progressAt: UInt64 = 0
  private var wroteAt: UInt64 = 0
  private var filler: (bytes: [UInt8], nanoseconds: UInt64)?
  private var fillerTimer: Timer?

  /// Takes over a connected non-blocking descriptor. On the loop.
  public init(adopting fd: Int32, on loop: EventLoop) throws(ReactorError) {
    self.fd = fd
    self.loop = loop
    do {
      try loop.watch(fd, for: [.readable, .writable, .peerClosed], edgeTriggered: true, handler: self)
    } catch {
      Glibc.close(fd)
      self.fd = -1
      throw error
    }
  }

  deinit { if fd >= 0 { Glibc.close(fd) } }

  /// The reading half: there is one, so only the first caller gets it.
  public func takeReader() -> StreamReader? {
    guard hasReader else { return nil }
    hasReader = false
    return StreamReader(socket: self)
  }

  /// The writing half: there is one, so only the first caller gets it.
  public func takeWriter() -> StreamWriter? {
    guard hasWriter else { return nil }
    hasWriter = false
    return StreamWriter(socket: self)
  }

  /// Whether `close` was called or the socket failed.
  public var isClosed: Bool { fd < 0 }

  /// Whether bytes wait that nobody has consumed.
  public var hasInput: Bool { !input.isEmpty }

  /// Bytes that were written and not yet passed to the kernel.
  public var unsentCount: Int { output.count }

  // MARK: Waits of the reader

  /// Arms the one lazy timer that follows the deadlines of reads.
  func awaitRead(until deadline: UInt64) {
    readDeadline = deadline
    guard deadline != .max else { return }
    if let timer = readTimer {
      guard deadline < timer.deadline else { return }
      loop.cancel(timer)
    }
    readTimer = loop.schedule(at: deadline) { [weak self] in self?.readTimerFired() }
  }

  private func readTimerFired() {
    readTimer = nil
    guard readWaiter != nil, readDeadline != .max else { return }
    if readDeadline > loop.now { awaitRead(until: readDeadline) } else { wakeReader(.timedOut) }
  }

  /// Ends the wait of the reader, or its next one, with `interrupted`; the connection goes on.
  public func interruptRead() {
    loop.preconditionCurrent()
    readIsInterrupted = true
    wakeReader(.ready)
  }

  /// Forgets an interruption that no read has met.
  public func clearReadInterruption() { readIsInterrupted = false }

  private func wakeReader(_ wake: ReadWake) {
    guard let waiter = readWaiter else { return }
    readWaiter = nil
    waiter.resume(returning: wake)
  }

  // MARK: Output

  func setNeedsFlush() {
    wroteAt = loop.now
    guard !flushScheduled, fd >= 0 else { return }
    flushScheduled = true
    loop.atEndOfTurn { [self] in
      flushScheduled = false
      flush()
    }
  }

  func outputFalls(to limit: Int) async throws(ReactorError) {
    while true {
      if let failure = failure ?? writeFailure { throw failure }
      if fd < 0 { throw ReactorError(.closed, operation: "write") }
      if output.count <= limit { return }
      flush()
      if failure != nil || writeFailure != nil { continue }
      if output.count <= limit { return }
      await withUnsafeContinuation { continuation in
        if fd < 0 || writeFailure != nil || output.count <= limit {
          continuation.resume()
        } else {
          drainWaiters.append((limit, continuation))
        }
      }
    }
  }

  func flush() {
    while fd >= 0, kernelWritable, !output.isEmpty {
      let bytes = output.readable
      let count = send(fd, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 {
        output.consume(count)
        bytesSent &+= UInt64(count)
      } else if errno == EAGAIN {
        kernelWritable = false
      } else if errno != EINTR {
        let number = errno
        failWriting(
          ReactorError(
            number == EPIPE || number == ECONNRESET ? .peerClosed : .system, operation: "write", errno: number))
        return
      }
    }
    if output.isEmpty {
      output.releaseIfEmpty()
      if shutdownAfterFlush, fd >= 0 {
        shutdownAfterFlush = false
        shutdown(fd, Int32(SHUT_WR))
      }
      if closeAfterFlush { close() }
    } else {
      watchProgress()
    }
    wakeWriters()
  }

  /// See `StreamWriter.pass`.
  func pass(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard output.isEmpty, fd >= 0, kernelWritable, writeFailure == nil, !shutdownAfterFlush, !closeAfterFlush else {
      return false
    }
    let sent = sendNow(bytes)
    wroteAt = loop.now
    if sent < bytes.count {
      output.append(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
      setNeedsFlush()
    }
    watchProgress()
    return true
  }

  /// Hands bytes to the kernel behind the output, without a copy; returns how many it took. A failure shows itself when
  /// the rest is flushed.
  func sendNow(_ bytes: UnsafeRawBufferPointer) -> Int {
    if !output.isEmpty { flush() }
    guard output.isEmpty, fd >= 0, kernelWritable, writeFailure == nil, let base = bytes.baseAddress else { return 0 }
    var sent = 0
    while sent < bytes.count {
      let count = send(fd, base + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
      if count >= 0 {
        sent += count
        bytesSent &+= UInt64(count)
      } else if errno == EAGAIN {
        kernelWritable = false
        break
      } else if errno != EINTR {
        break
      }
    }
    return sent
  }

  /// The peer takes no more. What it sent before may still be read, such as the answer for which it stopped listening.
  private func failWriting(_ error: ReactorError) {
    guard writeFailure == nil, fd >= 0 else { return }
    if closeAfterFlush { return fail(error) }
    writeFailure = error
    output.consume(output.count)
    output.releaseIfEmpty()
    kernelReadable = true
    wakeReader(.ready)
    wakeWriters()
    announcePeerGone()
  }

  /// Forgets what has not been sent: the peer has answered and wants no more of it. The connection cannot carry another
  /// request afterwards.
  public func dropOutput() {
    output.consume(output.count)
    output.releaseIfEmpty()
    wakeWriters()
  }

  private func wakeWriters() {
    guard !drainWaiters.isEmpty else { return }
    let count = output.count
    let ready = drainWaiters.filter { count <= $0.limit || fd < 0 || writeFailure != nil }
    drainWaiters.removeAll { count <= $0.limit || fd < 0 || writeFailure != nil }
    for waiter in ready { waiter.continuation.resume() }
  }

  // MARK: Peers that take nothing

  /// From now on looks whether the peer takes what waits for it, until nothing waits any more.
  func watchProgress() {
    guard stallLimit != 0, stallTimer == nil, fd >= 0 else { return }
    // What is taken until the first look counts as progress: asking the kernel now would cost every short write a call.
    takenAtLastLook = .max
    progressAt = loop.now
    scheduleLook()
  }

  private func scheduleLook() {
    let pause = max(1_000_000, stallLimit / StreamSocket.looksPerStall)
    stallTimer = loop.schedule(at: loop.now &+ pause) { [weak self] in self?.lookForProgress() }
  }

  private func lookForProgress() {
    stallTimer = nil
    guard fd >= 0, stallLimit != 0 else { return }
    let pending = unacknowledged
    if output.isEmpty, pending == 0 { return }
    let taken = taken(pending: pending)
    if taken != takenAtLastLook {
      takenAtLastLook = taken
      progressAt = loop.now
    } else if loop.now &- progressAt >= stallLimit {
      return fail(ReactorError(.stalled, operation: "write"))
    }
    scheduleLook()
  }

  private var unacknowledged: UInt64 { UInt64(max(0, cadre_unacknowledged(fd))) }

  private func taken(pending: UInt64) -> UInt64 { bytesSent &- min(pending, bytesSent) }

  // MARK: Filling of pauses

  func fillPauses(with bytes: [UInt8], after nanoseconds: UInt64) {
    endFilling()
    filler = (bytes, max(1_000_000, nanoseconds))
    wroteAt = loop.now
    scheduleFiller(at: wroteAt &+ max(1_000_000, nanoseconds))
  }

  func endFilling() {
    filler = nil
    if let fillerTimer { loop.cancel(fillerTimer) }
    fillerTimer = nil
  }

  private func scheduleFiller(at moment: UInt64) {
    fillerTimer = loop.schedule(at: moment) { [weak self] in self?.fillPause() }
  }

  private func fillPause() {
    fillerTimer = nil
    guard let filler, fd >= 0, writeFailure == nil else { return }
    // Nothing is added for a peer that has not taken what it has.
    if loop.now &- wroteAt >= filler.nanoseconds, output.isEmpty {
      output.append(filler.bytes)
      setNeedsFlush()
      watchProgress()
    }
    let due = wroteAt &+ filler.nanoseconds
    scheduleFiller(at: due > loop.now ? due : loop.now &+ filler.nanoseconds)
  }

  // MARK: Ending

  /// Closes at once; waiting readers and writers get `closed`.
  public func close() {
    loop.preconditionCurrent()
    guard fd >= 0 else { return }
    release(ReactorError(.closed, operation: "socket"))
  }

  /// Closes when the output has been sent (or when the peer takes nothing of it).
  public func closeWhenFlushed() {
    closeAfterFlush = true
    if output.isEmpty { close() } else { setNeedsFlush() }
  }

  func shutdownSending() {
    shutdownAfterFlush = true
    setNeedsFlush()
  }

  /// Closes with `error` as the reason.
  public func fail(_ error: ReactorError) {
    guard fd >= 0 else { return }
    release(error)
  }

  private func release(_ reason: ReactorError) {
    failure = reason
    loop.unwatch(fd)
    Glibc.close(fd)
    fd = -1
    for timer in [readTimer, stallTimer, fillerTimer] { if let timer { loop.cancel(timer) } }
    readTimer = nil
    stallTimer = nil
    fillerTimer = nil
    filler = nil
    wakeReader(.ready)
    wakeWriters()
    announcePeerGone()
  }

  private func announcePeerGone() {
    let callback = onPeerGone
    onPeerGone = nil
    callback?()
  }

  // MARK: Events

  /// Called by the loop.
  public func ready(_ events: Readiness) {
    if !events.isDisjoint(with: [.readable, .hangup, .peerClosed]) {
      kernelReadable = true
      if !events.isDisjoint(with: [.hangup, .peerClosed]) {
        peerClosed = true
        announcePeerGone()
      }
      wakeReader(.ready)
    }
    if !events.isDisjoint(with: [.writable, .hangup]) {
      kernelWritable = true
      if !output.isEmpty { flush() }
    }
  }
}
