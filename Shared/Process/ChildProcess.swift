internal import CLinux
internal import Glibc
internal import Synchronization
internal import SystemSources

/// A program that this process has started, in a process group of its own. The functions block briefly: they are for
/// command lines and tests, not for event loops.
///
/// A signal never reaches a stranger: the id of a child stays its own until it is reaped, and whether it was is known
/// under the same lock under which signals are sent.
public final class ChildProcess: Sendable {
  private static let pollMilliseconds = 5
  /// How long a killed program may take to disappear.
  private static let killSeconds = 5

  /// The process id, which is the id of its group too.
  public let processID: Int32
  /// What the program is called in messages.
  public let name: String
  private let endsGroup: Bool
  private let status = Mutex<ProcessEnd?>(nil)

  init(processID: Int32, name: String, endsGroup: Bool) {
    self.processID = processID
    self.name = name
    self.endsGroup = endsGroup
  }

  /// Starts a program. Throws when it cannot be started, which includes a program that does not exist.
  public static func start(_ specification: ProcessSpecification) throws(ProcessError) -> ChildProcess {
    if let output = specification.output { return try start(specification, output: output) }
    let path = specification.log ?? "/dev/null"
    let output = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw ProcessError("cannot write \(path): \(String(cString: strerror(errno)))") }
    defer { close(output) }
    return try start(specification, output: output)
  }

  static func start(_ specification: ProcessSpecification, output: Int32) throws(ProcessError) -> ChildProcess {
    let outcome = SpawnThread.run {
      var argv = ([specification.executable] + specification.arguments).map { strdup($0) }
      var envp = specification.environment.map { strdup("\($0.key)=\($0.value)") }
      defer { for pointer in argv + envp { free(pointer) } }
      argv.append(nil)
      envp.append(nil)
      let limits = specification.limits.map { cadre_limit(resource: $0.resource, value: $0.value) }
      let process = argv.withUnsafeBufferPointer { argv in
        envp.withUnsafeBufferPointer { envp in
          limits.withUnsafeBufferPointer { limits in
            specification.executable.withCString { path in
              withOptionalCString(specification.folder) { folder in
                var program = cadre_program(
                  path: path, arguments: argv.baseAddress, environment: envp.baseAddress, folder: folder,
                  output: output, user: specification.user?.id ?? 0, group: specification.user?.group ?? 0,
                  changes_user: specification.user == nil ? 0 : 1,
                  dies_with_parent: specification.isKilledWithParent
                    ? SIGKILL : specification.diesWithParent ? SIGTERM : 0,
                  limits: limits.baseAddress, limit_count: Int32(truncatingIfNeeded: limits.count),
                  control: specification.control ?? -1, input: specification.input ?? -1,
                  errors: specification.errors ?? -1)
                return cadre_spawn(&program)
              }
            }
          }
        }
      }
      return SpawnThread.Outcome(process: process, reason: errno)
    }
    guard outcome.process > 0 else {
      throw ProcessError(
        "\(specification.name) cannot be started (\(specification.executable)): "
          + String(cString: strerror(outcome.reason)))
    }
    return ChildProcess(
      processID: outcome.process, name: specification.name, endsGroup: specification.endsGroup)
  }

  private static func withOptionalCString<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let text else { return body(nil) }
    return text.withCString { body($0) }
  }

  /// The exit status once it has ended (128 and the signal when it was killed), `nil` while it runs.
  public var exitStatus: Int32? { end?.status }

  /// How it has ended and what it has used, `nil` while it runs. The child is reaped by the first call after its end.
  public var end: ProcessEnd? {
    status.withLock { known in
      reap(&known)
      return known
    }
  }

  /// A new descriptor that becomes readable when the program ends, for an event loop; the caller closes it. `nil` when
  /// the kernel has none to give.
  public func endDescriptor() -> Int32? {
    let descriptor = cadre_process_descriptor(processID)
    return descriptor >= 0 ? descriptor : nil
  }

  /// Time on a processor so far, in microseconds; `nil` once it has ended.
  public var processorMicroseconds: UInt64? {
    status.withLock { known in
      guard known == nil else { return nil }
      let time = cadre_processor_microseconds(processID)
      return time >= 0 ? UInt64(time) : nil
    }
  }

  /// Threads that it has; 0 once it has ended.
  public var threads: Int {
    status.withLock { known in
      // The kernel counts each as a folder, beside the two names that every folder has.
      var folder = stat()
      guard known == nil, lstat("/proc/\(processID)/task", &folder) == 0 else { return 0 }
      return max(0, Int(clamping: folder.st_nlink) - 2)
    }
  }

  private func reap(_ known: inout ProcessEnd?) {
    guard known == nil, cadre_has_ended(processID) != 0 else { return }
    // Before it is reaped: afterwards its id, and that of an empty group, may be somebody else's.
    if endsGroup { Glibc.kill(-processID, SIGKILL) }
    var raw: Int32 = 0
    var usage = cadre_usage()
    guard cadre_reap(processID, &raw, &usage) == processID else { return }
    let signal = cadre_exit_signal(raw)
    known = ProcessEnd(
      status: cadre_exit_status(raw), signal: signal == 0 ? nil : signal, userMicroseconds: usage.user_us,
      systemMicroseconds: usage.system_us, residentBytesMax: usage.resident_bytes_max)
  }

  /// Sends a signal to the program if it still runs.
  public func kill(_ signal: Int32) { send(signal, to: processID) }

  /// Sends a signal to the program and all that it has started in its group, if the program still runs.
  public func killGroup(_ signal: Int32 = 9) { send(signal, to: -processID) }

  private func send(_ signal: Int32, to target: Int32) {
    status.withLock { known in
      reap(&known)
      if known == nil { Glibc.kill(target, signal) }
    }
  }

  /// Waits for the end; `nil` when it has not come in time.
  public func wait(seconds: Int) -> Int32? {
    let deadline = MonotonicClock.now() + UInt64(clamping: seconds) * 1_000_000_000
    // Wakes up when it ends; without one, looks again and again.
    let descriptor = exitStatus == nil ? cadre_process_descriptor(processID) : -1
    defer { if descriptor >= 0 { close(descriptor) } }
    while true {
      if let status = exitStatus { return status }
      let now = MonotonicClock.now()
      guard now < deadline else { return nil }
      if descriptor >= 0 {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&wanted, 1, Int32(clamping: (deadline - now) / 1_000_000 + 1))
      } else {
        ThreadPause.milliseconds(ChildProcess.pollMilliseconds)
      }
    }
  }

  /// Ends the program: `signal` first, and after `seconds` without mercy, together with its group.
  public func stop(signal: Int32 = 15, seconds: Int = 15) {
    kill(signal)
    guard wait(seconds: seconds) == nil else { return }
    killGroup(SIGKILL)
    _ = wait(seconds: ChildProcess.killSeconds)
  }
}
