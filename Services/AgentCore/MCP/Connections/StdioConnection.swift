internal import AgentSandbox
package import JSON
package import MCP
internal import Primitives
package import Process
package import Reactor
package import SandboxProtocol
internal import SystemSources

/// A connection to a program over its input and output.
///
/// `@unchecked Sendable`: confined to its loop, which every entry point checks.
package final class StdioConnection: MCPConnection, @unchecked Sendable {
  /// How long a program may take to leave once its input has ended, and again once it was asked by a signal.
  private static let leaveTime = Duration.seconds(2)
  private static let killTime = Duration.seconds(10)

  package var onEvent: (@Sendable (ConnectionEvent) -> Void)?
  package private(set) var revision: MCPRevision?
  /// The descriptors that it has, or had.
  package var descriptors: [Int32] { channel?.descriptors ?? [] }
  /// What the process id was; 0 before it runs.
  package var processID: Int32 { channel?.processID ?? 0 }

  /// What holds a program in its jail.
  package struct Confinement: Sendable {
    /// The jail.
    let jail: ServerJail
    /// Whether it may use the network.
    let usesNetwork: Bool
  }

  /// The layers of the jail, once the program runs in it.
  package private(set) var layers: SandboxLayers?
  /// The folder of the program in the jail.
  package private(set) var folder: String?

  private let specification: ProcessSpecification
  private let launcher: JailLauncher
  private let confinement: Confinement?
  private let slot: ProcessSlot?
  private var scratch: ScratchFolder?
  private var watchTimer: Timer?
  /// Looks in a row at which descriptors were on their way between processes of the program.
  private var queuedLooks = 0
  private let secrets: [[UInt8]]
  private let era: MCPRevision.Era?
  private let probeTime: Duration
  private let limits: MCPLimits
  private let loop: EventLoop
  private var machine: ClientStateMachine
  private var channel: StdioChannel?
  private var opening: Promise<MCPHandshake>?
  private var waiting: [Int64: Promise<JSONView>] = [:]
  private var timer: Timer?
  /// Whether the program ended while it was asked for its era: some old servers do.
  package private(set) var diedProbing = false

  /// A program that is not started yet. `secrets` are values that must not show in its log; without `confinement` it
  /// runs as this process does, started by the `launcher` (`sandbox-jail`). `slot` is given back when the connection
  /// is closed.
  package init(
    _ specification: ProcessSpecification, launcher: String, in confinement: Confinement? = nil,
    slot: ProcessSlot? = nil,
    secrets: [String] = [], era: MCPRevision.Era? = nil,
    probeTime: Duration = .seconds(5), limits: MCPLimits = .standard, on loop: EventLoop
  ) {
    self.specification = specification
    self.launcher = JailLauncher(program: launcher)
    self.confinement = confinement
    self.slot = slot
    self.secrets = secrets.map { Array($0.utf8) }.filter { $0.count >= 4 }.sorted { $0.count > $1.count }
    self.era = era
    self.probeTime = probeTime
    self.limits = limits
    self.loop = loop
    machine = ClientStateMachine(limits: limits)
  }

  package func open(deadline: UInt64) async throws(MCPError) -> MCPHandshake {
    loop.preconditionCurrent()
    let promise = Promise<MCPHandshake>(on: loop)
    opening = promise
    do {
      let process = try await start()
      channel = try StdioChannel(process, limits: limits, on: loop) { [weak self] in self?.happened($0) }
      watch()
    } catch let refused as JailRefused {
      onEvent?(.refused(refused))
      throw refused.error
    } catch let error as MCPError {
      throw error
    } catch { throw MCPError(.cannotStart, "no thread is free to start the program") }
    let probeBy = MonotonicClock.now() &+ UInt64(clamping: probeTime.nanoseconds)
    perform(machine.open(era: era, probeBy: probeBy, openBy: deadline))
    return try await settled(promise) { [self] in
      perform(machine.close(MCPError(.cancelled, "the caller gave up")))
    }
  }

  private func start() async throws -> ServerProcess {
    let (specification, launcher, confinement, number) = (specification, launcher, confinement, slot?.number ?? 0)
    guard let confinement else {
      return try await BlockingPool.shared.run {
        do throws(JailRefused) {
          return try launcher.start(specification, options: JailLauncher.unconfined).process
        } catch {
          throw MCPError(.cannotStart, "the program cannot be started (\(error.layer): \(error.reason))")
        }
      }
    }
    let inmate = try await BlockingPool.shared.run {
      try confinement.jail.start(specification, slot: number, usesNetwork: confinement.usesNetwork)
    }
    layers = inmate.layers
    scratch = inmate.folder
    folder = inmate.folder.path
    return inmate.process
  }

  /// Looks now and then at what the program and all that it has started use together: the kernel's limits are those of
  /// one process.
  private func watch() {
    guard let confinement, channel?.isOver == false else { return }
    watchTimer = loop.schedule(after: confinement.jail.watchPause) { [weak self] in
      guard let self else { return }
      loop.task { [self] in await look(confinement.jail) }
    }
  }

  private func look(_ jail: ServerJail) async {
    guard let scratch, channel?.isOver == false else { return }
    let (process, before) = (processID, queuedLooks)
    let look = try? await BlockingPool.shared.run {
      var queuedLooks = before
      return (limit: jail.excess(of: process, scratch, queuedLooks: &queuedLooks), queuedLooks: queuedLooks)
    }
    guard let channel, !channel.isOver else { return }
    queuedLooks = look?.queuedLooks ?? before
    guard let limit = look?.limit else { return watch() }
    onEvent?(.exceeded(limit))
    perform(machine.close(MCPError(.closed, "the program was ended: \(limit.sentence)")))
    // Also when the connection was closed already.
    channel.kill()
  }

  /// Removes what the program has left. Its processes are gone.
  private func tidy() async {
    if let watchTimer { loop.cancel(watchTimer) }
    watchTimer = nil
    guard let path = scratch?.path else { return }
    scratch = nil
    _ = try? await BlockingPool.shared.run { FolderRemoval.remove(path) }
  }

  package func request(_ request: ClientRequest) async throws(MCPError) -> JSONView {
    loop.preconditionCurrent()
    let (id, message) = try machine.request(
      request.method, traceparent: request.traceparent, deadline: request.deadline, request.params)
    guard message.count <= limits.messageBytesMax else {
      perform(machine.cancel(id, reason: "too large"))
      throw MCPError(.invalidArguments, "the request has more than \(limits.messageBytesMax) bytes")
    }
    let promise = Promise<JSONView>(on: loop)
    waiting[id] = promise
    defer { waiting[id] = nil }
    perform([.send(message)])
    return try await settled(promise) { [self] in perform(machine.cancel(id, reason: "cancelled")) }
  }

  /// The value of a promise; `cancelled` runs when the task was cancelled meanwhile.
  private func settled<Value: Sendable>(
    _ promise: Promise<Value>, cancelled: () -> Void
  ) async throws(MCPError) -> Value {
    do {
      return try await promise.value()
    } catch let error as MCPError {
      throw error
    } catch {
      cancelled()
      throw MCPError(.cancelled, "the caller gave up")
    }
  }

  package func close() async {
    loop.preconditionCurrent()
    await end()
    await tidy()
    slot?.giveBack()
  }

  private func end() async {
    guard let channel else { return }
    perform(machine.close(MCPError(.closed, "the connection was closed")), kills: false)
    channel.closeInput()
    let leave = UInt64(clamping: StdioConnection.leaveTime.nanoseconds)
    if await channel.ends(by: MonotonicClock.now() &+ leave) { return }
    channel.terminate()
    if await channel.ends(by: MonotonicClock.now() &+ leave) { return }
    channel.kill()
    _ = await channel.ends(by: MonotonicClock.now() &+ UInt64(clamping: StdioConnection.killTime.nanoseconds))
  }

  // MARK: Events

  private func happened(_ event: StdioChannel.Event) {
    switch event {
    case .line(let line): perform(machine.received(line, now: MonotonicClock.now()))
    case .errorLine(let line): onEvent?(.log(masked(line)))
    case .fault(let error): perform(machine.close(error))
    case .outputEnded: fail("the program closed its output")
    case .ended(let status): fail("the program ended with status \(status)")
    }
  }

  private func fail(_ message: String) {
    if machine.isProbing { diedProbing = true }
    perform(machine.close(MCPError(.closed, message)))
  }

  /// A line without the values of the registration, the longest first. What stands in their place is not looked at
  /// again: a value may be a part of it.
  private func masked(_ line: String) -> String {
    var rest = Array(line.utf8)[...]
    var text: [UInt8] = []
    while let byte = rest.first {
      if let secret = secrets.first(where: { rest.starts(with: $0) }) {
        text += Array("[redacted]".utf8)
        rest = rest.dropFirst(secret.count)
      } else {
        text.append(byte)
        rest = rest.dropFirst()
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  private func perform(_ actions: [ClientStateMachine.Action], kills: Bool = true) {
    for action in actions {
      switch action {
      case .send(let message): channel?.send(message)
      case .ready(let revision, let handshake):
        self.revision = revision
        opening?.succeed(handshake)
      case .complete(let id, .success(let result)): waiting[id]?.succeed(result)
      case .complete(let id, .failure(let error)): waiting[id]?.fail(error)
      case .progress(_, let progress): onEvent?(.progress(progress))
      case .listChanged(let list): onEvent?(.listChanged(list))
      case .fault(let error): onEvent?(.fault(error))
      case .close(let error):
        opening?.fail(error)
        channel?.closeOutput()
        if kills { channel?.kill() }
        onEvent?(.closed(error))
      }
    }
    schedule()
  }

  private func schedule() {
    let deadline = machine.nextDeadline
    if let timer {
      guard deadline != timer.deadline else { return }
      loop.cancel(timer)
    }
    timer = nil
    guard deadline != .max else { return }
    timer = loop.schedule(at: deadline) { [weak self] in
      guard let self else { return }
      timer = nil
      perform(machine.advance(now: MonotonicClock.now()))
    }
  }
}

extension ServerJail.Limit {
  /// What happened, and which setting it is about.
  var sentence: String {
    switch self {
    case .memory: "it used more memory than it may (mcp.memory_mb)"
    case .processes: "it had more processes and threads than it may (mcp.stdio_processes_max)"
    case .files: "it wrote more files than it may (mcp.stdio_files_mb)"
    }
  }
}
