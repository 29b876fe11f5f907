internal import CLinux
internal import Glibc
package import Process
package import Reactor
package import SandboxProtocol

/// A worker process and its channels, on an event loop: frames out, frames in, and its end.
///
/// The control channel belongs to the jail and to the engine. A program that runs without an engine gets a channel of its
/// own, the guest channel, and never sees the first one.
///
/// The end is reported once, after the process was reaped. What the worker sends is hostile: frames are bounded, and a
/// fault ends the reading.
package final class WorkerConnection {
  /// What happens.
  package enum Event: Sendable {
    /// The worker has sent a frame on its channel for requests and reports.
    case frame(SandboxFrame)
    /// The jail has sent a frame, where it has a channel of its own.
    case jailFrame(SandboxFrame)
    /// The worker has sent what is no frame, or more than anybody reads, or has closed its channel and lives on.
    case fault
    /// The process is reaped.
    case ended(ProcessEnd)
  }

  /// The time that a process may take to end after it has closed its channel.
  private static let silentEnd = Duration.milliseconds(200)

  /// The process.
  package let child: ChildProcess
  private let loop: EventLoop
  private let control: WorkerChannel
  private let guest: WorkerChannel?
  private let endDescriptor: Int32
  private var hasEnded = false
  private var poll: Timer?
  private var handler: ((Event) -> Void)?

  /// Watches a process that was started with the other ends of the channels, which belong to the connection now. On the
  /// loop only.
  package init(
    _ child: ChildProcess, control: Int32, guest: Int32?, frameBytesMax: Int, on loop: EventLoop,
    handler: @escaping (Event) -> Void
  ) throws(ReactorError) {
    self.child = child
    self.loop = loop
    self.handler = handler
    self.control = WorkerChannel(control, frameBytesMax: frameBytesMax, on: loop)
    self.guest = guest.map { WorkerChannel($0, frameBytesMax: frameBytesMax, on: loop) }
    endDescriptor = child.endDescriptor() ?? -1
    do throws(ReactorError) {
      try self.control.start { [weak self] in self?.heard($0, isGuest: false) }
      try self.guest?.start { [weak self] in self?.heard($0, isGuest: true) }
      if endDescriptor >= 0 { try loop.watch(endDescriptor, for: .readable, handler: EndWatcher(self)) }
    } catch {
      child.killGroup()
      self.control.close()
      self.guest?.close()
      if endDescriptor >= 0 { Glibc.close(endDescriptor) }
      throw error
    }
    // Without a descriptor of the process its end is looked for.
    if endDescriptor < 0 { lookAgain() }
  }

  /// Sends a frame; what the kernel does not take at once waits. One request is under way at a time.
  package func send(_ bytes: [UInt8]) {
    guard !hasEnded else { return }
    (guest ?? control).send(bytes)
  }

  /// Kills the process and its group.
  package func kill() { child.killGroup(SIGKILL) }

  private func heard(_ event: WorkerChannel.Event, isGuest: Bool) {
    switch event {
    case .frame(let frame): handler?(guest == nil || isGuest ? .frame(frame) : .jailFrame(frame))
    case .fault: handler?(.fault)
    // The jail's own channel ends when the jail has become the program.
    case .closed: if guest == nil || isGuest { awaitEnd() }
    }
  }

  // MARK: The end

  fileprivate func lookForEnd() {
    guard !hasEnded, let end = child.end else { return }
    // What it has reported before it ended counts.
    control.drain()
    guest?.drain()
    hasEnded = true
    control.close()
    guest?.close()
    if endDescriptor >= 0 {
      loop.unwatch(endDescriptor)
      Glibc.close(endDescriptor)
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
