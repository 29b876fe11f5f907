internal import CLinux
internal import Glibc
package import Process
package import Reactor
package import SandboxProtocol

/// A worker process and its control channel, on an event loop: frames out, frames in, and its end.
///
/// The end is reported once, after the process was reaped. What the worker sends is hostile: frames are bounded, and a
/// fault ends the reading.
package final class WorkerConnection: ReadinessHandler {
  /// What happens.
  package enum Event: Sendable {
    /// The worker has sent a frame.
    case frame(SandboxFrame)
    /// The worker has sent what is no frame, or more than anybody reads.
    case fault
    /// The process is reaped.
    case ended(ProcessEnd)
  }

  private static let pieceBytes = 256 << 10
  /// Bytes that are read before others have their turn.
  private static let piecesPerTurn = 16
  /// The time that a process may take to end after it has closed its channel.
  private static let silentEnd = Duration.milliseconds(200)

  /// The process.
  package let child: ChildProcess
  private let loop: EventLoop
  private let control: Int32
  private let endDescriptor: Int32
  private var reader: SandboxFrameReader
  private var output: [UInt8] = []
  private var sent = 0
  private var isReading = true
  private var hasEnded = false
  private var poll: Timer?
  private var handler: ((Event) -> Void)?

  /// Watches a process that was started with the other end of `control`, which belongs to the connection now. On the
  /// loop only.
  package init(
    _ child: ChildProcess, control: Int32, frameBytesMax: Int, on loop: EventLoop,
    handler: @escaping (Event) -> Void
  ) throws(ReactorError) {
    self.child = child
    self.control = control
    self.loop = loop
    self.handler = handler
    reader = SandboxFrameReader(bytesMax: frameBytesMax)
    endDescriptor = child.endDescriptor() ?? -1
    do throws(ReactorError) {
      try loop.watch(control, for: .readable, handler: self)
      if endDescriptor >= 0 { try loop.watch(endDescriptor, for: .readable, handler: EndWatcher(self)) }
    } catch {
      child.killGroup()
      loop.unwatch(control)
      close(control)
      if endDescriptor >= 0 { close(endDescriptor) }
      throw error
    }
    // Without a descriptor of the process its end is looked for.
    if endDescriptor < 0 { lookAgain() }
  }

  /// Sends a frame; what the kernel does not take at once waits here. One request is under way at a time.
  package func send(_ bytes: [UInt8]) {
    guard !hasEnded else { return }
    output += bytes
    flush()
  }

  /// Kills the process and its group.
  package func kill() { child.killGroup(SIGKILL) }

  // MARK: Readiness

  package func ready(_ events: Readiness) {
    if events.contains(.writable) { flush() }
    if !events.isDisjoint(with: [.readable, .hangup, .peerClosed]) { read() }
  }

  private func flush() {
    while sent < output.count {
      let count = output.withUnsafeBytes { bytes in
        Glibc.send(control, bytes.baseAddress.map { $0 + sent }, output.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      sent += count
    }
    if sent == output.count {
      output = []
      sent = 0
    }
    guard isReading, !hasEnded else { return }
    try? loop.rewatch(control, for: output.isEmpty ? .readable : [.readable, .writable])
  }

  private func read() {
    var piece = [UInt8](repeating: 0, count: WorkerConnection.pieceBytes)
    for _ in 0..<WorkerConnection.piecesPerTurn where isReading {
      let count = recv(control, &piece, piece.count, Int32(MSG_DONTWAIT))
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN || errno == EWOULDBLOCK { return }
      guard count > 0 else {
        stopReading()
        return awaitEnd()
      }
      reader.append(piece.prefix(count))
      take()
    }
  }

  private func take() {
    while isReading {
      do throws(SandboxFrameError) {
        guard let frame = try reader.next() else { return }
        handler?(.frame(frame))
      } catch {
        stopReading()
        handler?(.fault)
      }
    }
  }

  /// Reads no more. What was sent last is looked at when the process has ended.
  private func stopReading() {
    guard isReading else { return }
    isReading = false
    loop.unwatch(control)
  }

  // MARK: The end

  fileprivate func lookForEnd() {
    guard !hasEnded, let end = child.end else { return }
    // What it has reported before it ended counts.
    if isReading { read() }
    hasEnded = true
    stopReading()
    close(control)
    if endDescriptor >= 0 {
      loop.unwatch(endDescriptor)
      close(endDescriptor)
    }
    if let poll { loop.cancel(poll) }
    let report = handler
    handler = nil
    report?(.ended(end))
  }

  /// The channel is closed: the process is about to end. One that lives on is of no use.
  private func awaitEnd() {
    lookForEnd()
    guard !hasEnded, poll == nil else { return }
    poll = loop.schedule(after: WorkerConnection.silentEnd) { [weak self] in
      guard let self, !hasEnded else { return }
      poll = nil
      handler?(.fault)
      kill()
      if endDescriptor < 0 { lookAgain() }
    }
  }

  private func lookAgain() {
    guard !hasEnded else { return }
    poll = loop.schedule(after: .milliseconds(5)) { [weak self] in
      self?.lookForEnd()
      self?.lookAgain()
    }
  }

  /// Hears of the end of the process.
  private final class EndWatcher: ReadinessHandler {
    private weak var connection: WorkerConnection?

    init(_ connection: WorkerConnection) { self.connection = connection }

    func ready(_ events: Readiness) { connection?.lookForEnd() }
  }
}
