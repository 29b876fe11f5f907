internal import CLinux
internal import Glibc

/// A connected, non-blocking stream socket of one event loop, with an input and an output buffer.
///
/// Reading is pulled (`fill`), so a slow consumer stops the peer by TCP's own window. Writing appends to the output,
/// which is flushed once at the end of the loop's turn; `drained()` waits while more than `outputBytesMax` is unsent.
/// One task reads and one task writes at a time.
///
/// `@unchecked Sendable`: confined to its loop, which every entry point checks or is called from.
public final class StreamSocket: ReadinessHandler, @unchecked Sendable {
  /// Unsent bytes above which `drained()` waits; a writer that respects it holds at most this and one piece per peer.
  public static let outputBytesMax = 256 * 1024
  private static let readBytesMin = 4096
  private static let readBytesUsual = 16 * 1024

  /// The loop that owns the socket.
  public let loop: EventLoop
  /// Bytes received and not yet consumed.
  public var input = ByteBuffer()
  /// Bytes to be sent. Append through `write`, or directly followed by `setNeedsFlush()`.
  public var output = ByteBuffer()
  /// Why the socket is no longer usable, once it is not.
  public private(set) var failure: ReactorError?
  /// The peer has closed its sending side; buffered input may remain.
  public private(set) var peerClosed = false
  /// Total bytes received.
  public private(set) var bytesReceived: UInt64 = 0
  /// Total bytes handed to the kernel.
  public private(set) var bytesSent: UInt64 = 0
  /// Called once when the peer goes away (half or full close) or the socket fails.
  public var onPeerGone: (() -> Void)?

  private var fd: Int32
  private var kernelReadable = true
  private var kernelWritable = true
  private var flushScheduled = false
  private var closeAfterFlush = false
  private var shutdownAfterFlush = false
  private var reader: UnsafeContinuation<Void, Never>?
  private var drainWaiter: UnsafeContinuation<Void, Never>?
  private var drainLimit = 0
  private var deadlineTimer: Timer?

  /// The moment (monotonic nanoseconds) at which the socket fails with `timedOut`; 0 means never. Setting it costs
  /// nothing: one lazy timer follows it.
  public var deadline: UInt64 = 0 {
    didSet { if deadline != 0 { armDeadline() } }
  }

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

  /// Whether `close` was called or the socket failed.
  public var isClosed: Bool { fd < 0 }

  // MARK: Reading

  /// Waits until more input has arrived. Returns `false` at the end of the stream. Throws the `failure`.
  public func fill() async throws(ReactorError) -> Bool {
    while true {
      if let failure { throw failure }
      if fd < 0 { throw ReactorError(.closed, operation: "read") }
      if kernelReadable {
        if let got = try readOnce() { return got }
      }
      input.releaseIfEmpty()
      await withUnsafeContinuation { continuation in
        precondition(reader == nil, "two readers on one socket")
        // Reaching this point may have taken a turn of the loop: what happened meanwhile must not be waited for.
        if kernelReadable || fd < 0 { continuation.resume() } else { reader = continuation }
      }
    }
  }

  /// Reads what the kernel has: `true` for bytes, `false` for the end, `nil` when it has nothing yet.
  private func readOnce() throws(ReactorError) -> Bool? {
    let room = input.room(atLeast: input.isEmpty ? StreamSocket.readBytesUsual : StreamSocket.readBytesMin)
    while true {
      let count = recv(fd, room.baseAddress, room.count, 0)
      if count > 0 {
        input.commit(count)
        bytesReceived &+= UInt64(count)
        // A short read has emptied the kernel's buffer: with edge triggering the next bytes announce themselves.
        if count < room.count && !peerClosed { kernelReadable = false }
        return true
      }
      if count == 0 {
        peerClosed = true
        return false
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        kernelReadable = false
        return nil
      case let number:
        let error = ReactorError(
          number == ECONNRESET ? .peerClosed : .system, operation: "read", errno: number)
        fail(error)
        throw error
      }
    }
  }

  // MARK: Writing

  /// Appends bytes to the output; they leave at the end of the turn.
  public func write(_ bytes: [UInt8]) {
    output.append(bytes)
    setNeedsFlush()
  }

  /// Appends bytes to the output; they leave at the end of the turn.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    output.append(bytes)
    setNeedsFlush()
  }

  /// Says that `output` has grown.
  public func setNeedsFlush() {
    guard !flushScheduled, fd >= 0 else { return }
    flushScheduled = true
    loop.atEndOfTurn { [self] in
      flushScheduled = false
      flush()
    }
  }

  /// Hands to the kernel what it takes now, without waiting for the end of the turn.
  public func flushNow() { flush() }

  /// Waits while the unsent output is over `outputBytesMax`. Throws the `failure`.
  public func drained() async throws(ReactorError) {
    try await outputFalls(to: StreamSocket.outputBytesMax)
  }

  /// Waits until everything has been handed to the kernel. Throws the `failure`.
  public func flushed() async throws(ReactorError) {
    try await outputFalls(to: 0)
  }

  private func outputFalls(to limit: Int) async throws(ReactorError) {
    while true {
      if let failure { throw failure }
      if fd < 0 { throw ReactorError(.closed, operation: "write") }
      if output.count <= limit { return }
      flush()
      if output.count <= limit && failure == nil { return }
      if failure != nil { continue }
      await withUnsafeContinuation { continuation in
        precondition(drainWaiter == nil, "two writers wait on one socket")
        if fd < 0 || output.count <= limit {
          continuation.resume()
        } else {
          drainWaiter = continuation
          drainLimit = limit
        }
      }
    }
  }

  private func flush() {
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
        fail(
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
    }
    if output.count <= drainLimit, let waiter = drainWaiter {
      drainWaiter = nil
      waiter.resume()
    }
  }

  // MARK: Ending

  /// Closes at once; waiting readers and writers get `closed`.
  public func close() {
    loop.preconditionCurrent()
    guard fd >= 0 else { return }
    release(ReactorError(.closed, operation: "socket"))
  }

  /// Closes when the output has been sent (or at the deadline).
  public func closeWhenFlushed() {
    closeAfterFlush = true
    if output.isEmpty { close() } else { setNeedsFlush() }
  }

  /// Sends our end of the stream behind the output, and goes on reading.
  public func shutdownSending() {
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
    if let deadlineTimer { loop.cancel(deadlineTimer) }
    deadlineTimer = nil
    let waiters = (reader, drainWaiter)
    reader = nil
    drainWaiter = nil
    waiters.0?.resume()
    waiters.1?.resume()
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
      if let waiter = reader {
        reader = nil
        waiter.resume()
      }
    }
    if !events.isDisjoint(with: [.writable, .hangup]) {
      kernelWritable = true
      if !output.isEmpty { flush() }
    }
  }

  private func armDeadline() {
    if let timer = deadlineTimer {
      guard deadline < timer.deadline else { return }
      loop.cancel(timer)
    }
    deadlineTimer = loop.schedule(at: deadline) { [weak self] in self?.deadlinePassed() }
  }

  private func deadlinePassed() {
    deadlineTimer = nil
    guard deadline != 0, fd >= 0 else { return }
    if deadline > loop.now { armDeadline() } else { fail(ReactorError(.timedOut, operation: "socket")) }
  }
}

extension StreamSocket {
  /// Connects on the current loop before `deadline` (monotonic nanoseconds), trying each address of the name in turn.
  public static func connect(to address: SocketAddress, deadline: UInt64) async throws -> StreamSocket {
    guard let loop = EventLoop.current else { preconditionFailure("connect off a loop") }
    var last = ReactorError(.badAddress, operation: "connect")
    for candidate in try await address.resolved() {
      let fd = Glibc.socket(
        candidate.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      guard fd >= 0 else { throw ReactorError(.system, operation: "socket", errno: errno) }
      if candidate.family != AF_UNIX { setNoDelay(fd) }
      do {
        if candidate.withSockaddr({ Glibc.connect(fd, $0, $1) }) != 0 {
          let number = errno
          // EAGAIN is a full backlog of a Unix socket: nothing is under way then.
          guard number == EINPROGRESS else {
            throw ReactorError(.system, operation: "connect", errno: number)
          }
          try await ConnectAttempt(fd, loop).wait(until: deadline)
        }
      } catch let error as ReactorError {
        Glibc.close(fd)
        last = error
        if error.code == .timedOut { break }
        continue
      } catch {
        Glibc.close(fd)
        throw error
      }
      // From here on the socket owns the descriptor, also when it refuses it.
      return try StreamSocket(adopting: fd, on: loop)
    }
    throw last
  }

  static func setNoDelay(_ fd: Int32) {
    var on: Int32 = 1
    setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }
}

/// Waits for a non-blocking `connect` to finish.
private final class ConnectAttempt: ReadinessHandler {
  private let fd: Int32
  private let loop: EventLoop
  private let done: Promise<Void>

  init(_ fd: Int32, _ loop: EventLoop) {
    self.fd = fd
    self.loop = loop
    done = Promise(on: loop)
  }

  func wait(until deadline: UInt64) async throws {
    try loop.watch(fd, for: .writable, handler: self)
    defer { loop.unwatch(fd) }
    do {
      try await done.value(deadline: deadline)
    } catch let error as ReactorError where error.code == .timedOut {
      throw ReactorError(.timedOut, operation: "connect")
    }
  }

  func ready(_ events: Readiness) {
    var number: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size)
    if number == 0 {
      done.succeed(())
    } else {
      done.fail(ReactorError(.system, operation: "connect", errno: number))
    }
  }
}
