internal import Primitives

/// The right to send on a socket. It cannot be copied, so there is never a second sender.
public struct StreamWriter: ~Copyable, Sendable {
  private static let largeBytes = 32 * 1024

  /// The socket that is sent on.
  public let socket: StreamSocket

  init(socket: StreamSocket) { self.socket = socket }

  /// Bytes to be sent. Append here what is followed by `setNeedsFlush()`.
  public var output: ByteBuffer {
    _read { yield socket.output }
    nonmutating _modify { yield &socket.output }
  }

  /// Appends bytes to the output; they leave at the end of the turn.
  public func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }

  /// Appends bytes to the output; they leave at the end of the turn.
  public func write(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    // What is large would be copied for nothing: the kernel nearly always takes it at once.
    if bytes.count >= StreamWriter.largeBytes {
      rest = UnsafeRawBufferPointer(rebasing: bytes[socket.sendNow(bytes)...])
    }
    socket.output.append(rest)
    socket.setNeedsFlush()
  }

  /// Passes bytes to the kernel at once when nothing waits before them; what it does not take leaves later. Returns
  /// `false`, with nothing sent, when something waits or nothing can be sent any more.
  public func pass(_ bytes: UnsafeRawBufferPointer) -> Bool { socket.pass(bytes) }

  /// Says that `output` has grown.
  public func setNeedsFlush() { socket.setNeedsFlush() }

  /// Hands to the kernel what it takes now, without waiting for the end of the turn.
  public func flushNow() { socket.flush() }

  /// Why nothing more can be sent, once that is so.
  public var failure: ReactorError? { socket.failure ?? socket.writeFailure }

  /// Waits while the unsent output is over `StreamSocket.outputBytesMax`. Throws the `failure`.
  public func drained() async throws(ReactorError) {
    try await socket.outputFalls(to: StreamSocket.outputBytesMax)
  }

  /// Waits until everything has been passed to the kernel. Throws the `failure`.
  public func flushed() async throws(ReactorError) {
    try await socket.outputFalls(to: 0)
  }

  /// Sends our end of the stream behind the output; reading goes on.
  public func shutdownSending() { socket.shutdownSending() }

  /// Looks from now on whether the peer takes what it is sent, also what the kernel holds for it, and fails the socket
  /// with `stalled` when it takes nothing for the socket's `stallLimit`.
  public func watchProgress() { socket.watchProgress() }

  /// Sends `bytes` whenever nothing was written for `pause` and nothing waits to be sent, until `endFilling()`: the
  /// heart beats of a stream, which need no second sender.
  public func fillPauses(with bytes: [UInt8], after pause: Duration) {
    socket.fillPauses(with: bytes, after: UInt64(clamping: pause.nanoseconds))
  }

  /// Ends the filling of pauses.
  public func endFilling() { socket.endFilling() }
}
