internal import CLinux
internal import Glibc
internal import Primitives
internal import Synchronization
internal import SystemSources

/// A program that this process has started and will end. It dies with its parent. The functions block briefly: they are
/// for command lines and tests, not for event loops.
public final class ChildProcess: Sendable {
  /// The process id.
  public let processID: Int32
  /// What the program is called in messages.
  public let name: String
  private let status = Mutex<Int32?>(nil)

  private init(processID: Int32, name: String) {
    self.processID = processID
    self.name = name
  }

  /// Starts `executable`; its outputs are appended to the file `log`, or dropped without one.
  public static func start(
    _ name: String, executable: String, arguments: [String] = [], environment: [String: String] = [:],
    folder: String? = nil, log: String? = nil, user: SystemUser? = nil
  ) throws(StackError) -> ChildProcess {
    let output = open(log ?? "/dev/null", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard output >= 0 else { throw StackError("cannot write \(log ?? "/dev/null")") }
    defer { close(output) }
    let child = SpawnThread.run {
      var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) }
      var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") }
      defer { for pointer in argv + envp { free(pointer) } }
      argv.append(nil)
      envp.append(nil)
      return cadre_spawn(
        executable, argv, envp, folder, output, user?.id ?? 0, user?.group ?? 0, user == nil ? 0 : 1)
    }
    guard child > 0 else { throw StackError("\(name) cannot be started: \(String(cString: strerror(errno)))") }
    return ChildProcess(processID: child, name: name)
  }

  /// Runs a program to its end and returns its status and output (the last 64 KiB). Throws when it takes longer than
  /// `seconds`.
  public static func run(
    _ executable: String, _ arguments: [String], environment: [String: String] = [:], user: SystemUser? = nil,
    seconds: Int = 60
  ) throws(StackError) -> (status: Int32, output: String) {
    var path = Array("/tmp/cadre-run-XXXXXX".utf8CString)
    let file = mkstemp(&path)
    guard file >= 0 else { throw StackError("no temporary file can be made in /tmp") }
    close(file)
    let log = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(log) }
    let name = String(executable.split(separator: "/").last ?? "program")
    let child = try start(
      name, executable: executable, arguments: arguments, environment: environment, folder: "/", log: log, user: user)
    guard let status = child.wait(seconds: seconds) else {
      child.kill(SIGKILL)
      _ = child.wait(seconds: 5)
      throw StackError("\(name) did not end within \(seconds) s")
    }
    return (status, FileAccess.tail(log, bytesMax: 64 << 10))
  }

  /// The exit status once it has ended (128 and the signal when it was killed), `nil` while it runs.
  public var exitStatus: Int32? {
    status.withLock { known in
      reap(&known)
      return known
    }
  }

  private func reap(_ known: inout Int32?) {
    guard known == nil else { return }
    var raw: Int32 = 0
    if waitpid(processID, &raw, WNOHANG) == processID { known = cadre_exit_status(raw) }
  }

  /// Sends a signal if it still runs. Under the lock, so that the id is not another process's by now.
  public func kill(_ signal: Int32) {
    status.withLock { known in
      reap(&known)
      if known == nil { Glibc.kill(processID, signal) }
    }
  }

  /// Waits for the end; `nil` when it has not come in time.
  public func wait(seconds: Int) -> Int32? {
    let deadline = MonotonicClock.now() + UInt64(seconds) * 1_000_000_000
    repeat {
      if let status = exitStatus { return status }
      ThreadPause.milliseconds(5)
    } while MonotonicClock.now() < deadline
    return nil
  }

  /// Ends the program: `signal` first, and after `seconds` without mercy.
  public func stop(signal: Int32 = 15, seconds: Int = 15) {
    kill(signal)
    if wait(seconds: seconds) == nil {
      kill(SIGKILL)
      _ = wait(seconds: 5)
    }
  }
}

/// Another user to run a program as.
public struct SystemUser: Sendable {
  let name: String
  let id: uid_t
  let group: gid_t

  /// The user for servers that refuse to run as root; `nil` when this process is not root.
  public static func forServers() throws(StackError) -> SystemUser? {
    guard geteuid() == 0 else { return nil }
    for name in ["postgres", "nobody"] {
      if let entry = getpwnam(name) {
        return SystemUser(name: name, id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
      }
    }
    throw StackError("Postgres refuses to run as root and there is neither a user \"postgres\" nor \"nobody\"")
  }
}
