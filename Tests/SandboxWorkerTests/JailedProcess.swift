import CLinux
import Glibc
import SandboxProtocol
import Testing

/// A second number of a descriptor, above those that a started program gets, so that none of them covers it.
private struct HighDescriptor: ~Copyable {
  let number: CInt

  init(_ descriptor: CInt) throws {
    number = fcntl(descriptor, F_DUPFD_CLOEXEC, 16)
    guard number >= 0 else { throw JailedProcess.Broken("fcntl") }
  }

  deinit { if number >= 0 { close(number) } }
}

/// A program in the jail, with the control descriptor of a supervisor.
final class JailedProcess {
  let process: pid_t
  private let control: CInt
  private let output: CInt
  private var reader = SandboxFrameReader()
  let scratch: String
  private var status: CInt?

  /// A fault of the test's own calls.
  struct Broken: Error {
    let what: String
    init(_ what: String) { self.what = "\(what): errno \(errno)" }
  }

  private static let limitMilliseconds: CInt = 120_000

  /// `user`: the user of the program; `nil` keeps the one that calls the jail. That is `callerUser`, or the one of the
  /// tests. `launcher`: starts the jail as another user, `owner`, who owns the folder then.
  init(
    profile: String = "wasm-run", user: uid_t? = nil, callerUser: uid_t? = nil, launcher: [String] = [],
    owner: uid_t? = nil, jail: [String] = [], program: (_ scratch: String) -> [String]
  ) throws {
    scratch = try Self.newFolder()
    if let owner = owner ?? user ?? callerUser, chown(scratch, owner, owner) != 0 { throw Broken("chown") }
    var pair: [CInt] = [-1, -1]
    var pipes: [CInt] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0 else {
      throw Broken("socketpair")
    }
    guard pipe2(&pipes, O_CLOEXEC) == 0 else { throw Broken("pipe") }
    var arguments =
      launcher + Self.caller(callerUser) + [Installation.jail, "--profile", profile, "--scratch", scratch]
    if let user { arguments += ["--uid", "\(user)", "--gid", "\(user)"] }
    arguments += jail + ["--"] + program(scratch)
    process = try Self.spawn(arguments, control: pair[1], output: pipes[1])
    close(pair[1])
    close(pipes[1])
    control = pair[0]
    output = pipes[0]
  }

  /// How a program is called by another user.
  static func caller(_ user: uid_t?) -> [String] {
    user.map { ["/usr/bin/setpriv", "--reuid=\($0)", "--regid=\($0)", "--clear-groups"] } ?? []
  }

  private static func newFolder() throws -> String {
    var name = Array("/tmp/cadre-sandbox-test-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { throw Broken("mkdtemp") }
    return String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Starts a program with these descriptors: `output` for both outputs, `control` as number 3.
  static func spawn(_ arguments: [String], control: CInt, output: CInt) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let output = try HighDescriptor(output)
    let control = try HighDescriptor(control)
    guard
      posix_spawn_file_actions_adddup2(&actions, output.number, 1) == 0,
      posix_spawn_file_actions_adddup2(&actions, output.number, 2) == 0,
      posix_spawn_file_actions_adddup2(&actions, control.number, 3) == 0
    else { throw Broken("descriptors") }
    var process: pid_t = 0
    let pointers = arguments.map { (text: String) in strdup(text) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [strdup("CANARY_SECRET=1"), nil]
    defer { free(environment[0]) }
    let reason = posix_spawn(&process, arguments[0], &actions, nil, pointers, &environment)
    guard reason == 0 else { throw Broken("posix_spawn \(reason)") }
    return process
  }

  /// Sends bytes to the program.
  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(control, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Broken("send") }
      rest = rest.dropFirst(count)
    }
  }

  /// The next frame; `nil` when the program has closed its end.
  func next() throws -> SandboxFrame? {
    while true {
      if let frame = try reader.next() { return frame }
      guard let bytes = try Self.read(control), !bytes.isEmpty else { return nil }
      reader.append(bytes)
    }
  }

  /// Everything that the program writes until it closes its output.
  func wholeOutput() throws -> String {
    var all: [UInt8] = []
    while let bytes = try Self.read(output), !bytes.isEmpty { all += bytes }
    return String(decoding: all, as: UTF8.self)
  }

  /// The first line of the output.
  func firstLine() throws -> String {
    var all: [UInt8] = []
    while !all.contains(10), let bytes = try Self.read(output), !bytes.isEmpty { all += bytes }
    return String(decoding: all.prefix { $0 != 10 }, as: UTF8.self)
  }

  private static func read(_ descriptor: CInt) throws -> [UInt8]? {
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&wanted, 1, limitMilliseconds) == 1 else { throw Broken("nothing came") }
    var bytes = [UInt8](repeating: 0, count: 65536)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    return count < 0 ? nil : Array(bytes[0..<count])
  }

  /// Closes the control descriptor and returns the status: positive for an exit, negative for a signal.
  @discardableResult
  func wait() -> CInt {
    if let status { return status }
    shutdown(control, Int32(SHUT_RDWR))
    var raw: CInt = 0
    while waitpid(process, &raw, 0) < 0, errno == EINTR {}
    let ended = raw & 0x7f == 0 ? raw >> 8 & 0xff : -(raw & 0x7f)
    status = ended
    return ended
  }

  deinit {
    if status == nil {
      kill(process, SIGKILL)
      wait()
    }
    close(control)
    close(output)
    Self.remove(scratch)
  }

  /// Removes a folder without following links.
  private static func remove(_ path: String) {
    guard let stream = opendir(path) else { return }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    closedir(stream)
    for name in names where unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
    rmdir(path)
  }
}
