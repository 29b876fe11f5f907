internal import CLinux
internal import Glibc
package import MCP
internal import Process
package import Reactor
internal import SystemSources

/// Lines to and from a program, and its end, on an event loop. What the program writes is bounded: a line, the output
/// that waits for it, and the lines of its error output.
package final class StdioChannel: ReadinessHandler {
  /// What happens. Nothing follows `ended`.
  package enum Event: Sendable {
    /// A line of the output.
    case line([UInt8])
    /// A line of the error output, shortened.
    case errorLine(String)
    /// A line that is too long, or input that the program does not read.
    case fault(MCPError)
    /// The output has ended.
    case outputEnded
    /// The process is reaped; its exit status.
    case ended(Int32)
  }

  private static let pieceBytes = 64 << 10
  /// Pieces that are read before others have their turn.
  private static let piecesPerTurn = 16
  private static let errorLineBytesMax = 1 << 10
  /// What waits for a program that does not read.
  private static let unsentBytesMax = 32 << 20
  private static let endPollPause = Duration.milliseconds(5)

  private let process: ServerProcess
  private let loop: EventLoop
  private let endDescriptor: Int32
  private var lines: MCPLineReader
  private var blankLines = FloodGuard()
  private var errorLine: [UInt8] = []
  private var unsent: [UInt8] = []
  private var sent = 0
  private var isInputOpen = true
  private var isOutputOpen = true
  private var areErrorsOpen = true
  private var hasEnded = false
  private var handler: ((Event) -> Void)?
  private var waiters: [Promise<Void>] = []

  /// Takes over a process. On the loop only.
  package init(
    _ process: ServerProcess, limits: MCPLimits, on loop: EventLoop, handler: @escaping (Event) -> Void
  ) throws(MCPError) {
    self.process = process
    self.loop = loop
    self.handler = handler
    lines = MCPLineReader(bytesMax: limits.messageBytesMax)
    endDescriptor = process.child.endDescriptor() ?? -1
    do throws(ReactorError) {
      try loop.watch(process.output, for: .readable, handler: self)
      try loop.watch(process.errors, for: .readable, handler: ErrorOutput(self))
      try loop.watch(process.input, for: .peerClosed, handler: Input(self))
      if endDescriptor >= 0 { try loop.watch(endDescriptor, for: .readable, handler: End(self)) }
    } catch {
      self.handler = nil
      process.child.killGroup()
      for fd in [process.output, process.errors, process.input, endDescriptor] where fd >= 0 {
        loop.unwatch(fd)
        Glibc.close(fd)
      }
      BlockingPool.reap(process)
      throw MCPError(.cannotStart, "the pipes of the program cannot be watched")
    }
    if endDescriptor < 0 { lookAgain() }
  }

  /// Whether the process is reaped.
  package var isOver: Bool { hasEnded }

  /// The descriptors of this process that belong to the connection.
  package var descriptors: [Int32] {
    [process.input, process.output, process.errors, endDescriptor].filter { $0 >= 0 }
  }

  /// The process id.
  package var processID: Int32 { process.child.processID }

  // MARK: Input of the program

  /// Sends a line.
  package func send(_ message: [UInt8]) {
    guard isInputOpen else { return }
    guard unsent.count - sent + message.count <= StdioChannel.unsentBytesMax else {
      return report(.fault(MCPError(.overloaded, "the program does not read its input")))
    }
    unsent += message
    unsent.append(0x0A)
    flush()
  }

  fileprivate func flush() {
    guard isInputOpen else { return }
    while sent < unsent.count {
      let count = unsent.withUnsafeBytes { bytes in
        Glibc.send(
          process.input, bytes.baseAddress.map { $0 + sent }, unsent.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0, errno == EINTR { continue }
      if count < 0, errno != EAGAIN { return closeInput() }
      guard count > 0 else { break }
      sent += count
    }
    if sent == unsent.count {
      unsent = []
      sent = 0
    }
    try? loop.rewatch(process.input, for: unsent.isEmpty ? .peerClosed : [.writable, .peerClosed])
  }

  /// Ends the input of the program, which asks it to leave.
  package func closeInput() {
    guard isInputOpen else { return }
    isInputOpen = false
    unsent = []
    sent = 0
    loop.unwatch(process.input)
    Glibc.close(process.input)
  }

  fileprivate func inputIsReady(_ events: Readiness) {
    if !events.isDisjoint(with: [.hangup, .peerClosed]) { return closeInput() }
    if events.contains(.writable) { flush() }
  }

  // MARK: Output of the program

  package func ready(_ events: Readiness) { readOutput() }

  private func readOutput() {
    guard isOutputOpen else { return }
    var piece = [UInt8](repeating: 0, count: StdioChannel.pieceBytes)
    for _ in 0..<StdioChannel.piecesPerTurn where isOutputOpen {
      let count = read(process.output, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return }
      guard count > 0 else {
        closeOutput()
        return report(.outputEnded)
      }
      do throws(MCPError) {
        for line in try lines.feed(piece.prefix(count)) {
          guard isOutputOpen else { return }
          report(.line(line))
        }
        let blanks = lines.takeBlanks()
        guard blankLines.admits(blanks.lines, bytes: blanks.bytes, now: MonotonicClock.now()) else {
          throw FloodGuard.error
        }
      } catch {
        closeOutput()
        return report(.fault(error))
      }
    }
  }

  /// Reads no more; the program is stopped by the pipe.
  package func closeOutput() {
    guard isOutputOpen else { return }
    isOutputOpen = false
    loop.unwatch(process.output)
    Glibc.close(process.output)
  }

  fileprivate func readErrors() {
    guard areErrorsOpen else { return }
    var piece = [UInt8](repeating: 0, count: StdioChannel.pieceBytes)
    for _ in 0..<StdioChannel.piecesPerTurn {
      let count = read(process.errors, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      if count < 0, errno == EAGAIN { return }
      guard count > 0 else { return closeErrors() }
      for byte in piece.prefix(count) {
        if byte == 0x0A {
          endErrorLine()
        } else if errorLine.count < StdioChannel.errorLineBytesMax {
          errorLine.append(byte)
        }
      }
    }
  }

  private func endErrorLine() {
    guard !errorLine.isEmpty else { return }
    let text = MCPText.plain(String(decoding: errorLine, as: UTF8.self))
    errorLine = []
    report(.errorLine(text))
  }

  private func closeErrors() {
    guard areErrorsOpen else { return }
    areErrorsOpen = false
    endErrorLine()
    loop.unwatch(process.errors)
    Glibc.close(process.errors)
  }

  // MARK: The end

  /// Kills the process and its group.
  package func kill() { process.child.killGroup(SIGKILL) }

  /// Asks the process and its group to leave.
  package func terminate() { process.child.killGroup(SIGTERM) }

  /// Waits until the process is reaped. Returns `false` when it still runs at the deadline.
  package func ends(by deadline: UInt64) async -> Bool {
    if hasEnded { return true }
    let promise = Promise<Void>(on: loop)
    waiters.append(promise)
    _ = try? await promise.value(deadline: deadline)
    return hasEnded
  }

  fileprivate func lookForEnd() {
    guard !hasEnded, let end = process.child.end else { return }
    // What it wrote before it ended counts.
    readOutput()
    readErrors()
    hasEnded = true
    closeInput()
    closeOutput()
    closeErrors()
    if endDescriptor >= 0 {
      loop.unwatch(endDescriptor)
      Glibc.close(endDescriptor)
    }
    report(.ended(end.status))
    handler = nil
    for waiter in waiters { waiter.succeed(()) }
    waiters = []
  }

  private func report(_ event: Event) { handler?(event) }

  private func lookAgain() {
    guard !hasEnded else { return }
    loop.schedule(after: StdioChannel.endPollPause) { [weak self] in
      self?.lookForEnd()
      self?.lookAgain()
    }
  }

  private final class ErrorOutput: ReadinessHandler {
    private weak var channel: StdioChannel?
    init(_ channel: StdioChannel) { self.channel = channel }
    func ready(_ events: Readiness) { channel?.readErrors() }
  }

  private final class Input: ReadinessHandler {
    private weak var channel: StdioChannel?
    init(_ channel: StdioChannel) { self.channel = channel }
    func ready(_ events: Readiness) { channel?.inputIsReady(events) }
  }

  private final class End: ReadinessHandler {
    private weak var channel: StdioChannel?
    init(_ channel: StdioChannel) { self.channel = channel }
    func ready(_ events: Readiness) { channel?.lookForEnd() }
  }
}

extension BlockingPool {
  /// Waits for a killed process that nobody watches.
  static func reap(_ process: ServerProcess) {
    Task { try? await BlockingPool.shared.run { _ = process.child.wait(seconds: 5) } }
  }
}
