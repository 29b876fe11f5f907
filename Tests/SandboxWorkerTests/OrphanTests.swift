import CLinux
import Glibc
import Testing

/// What programs that start others leave behind, when they end and when their supervisor is killed.
@Suite(.serialized) struct OrphanTests {
  private static let limitMilliseconds: CInt = 120_000

  /// Starts a grandchild without a parent, in a session of its own where that is allowed, and says its id.
  private static let leavesOne = """
    trap 'exit 9' TERM
    exec 5>&1
    stays='echo $$; exec >&5; trap "" TERM HUP; sleep 1000; sleep 1000'
    if setsid true 2>/dev/null; then with=setsid; else with=; fi
    id=$( ( $with sh -c "$stays" & ) )
    echo $id

    """

  /// What is to be jailed.
  private static func arguments(_ profile: String, _ script: String) -> [String] {
    guard profile == "program" else { return ["--profile", profile, "--", "/bin/sh", "-c", script] }
    let user = Installation.user.map { ["--uid", "\($0)", "--gid", "\($0)"] } ?? []
    // Whatever else this user runs.
    return ["--profile", profile, "--scratch", "/tmp", "--processes", "65536"] + user
      + ["--", "/bin/sh", "-c", script]
  }

  /// The first line that comes from a pipe.
  private static func line(_ descriptor: CInt) throws -> String {
    var line: [UInt8] = []
    while line.last != 10 {
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      try #require(poll(&wanted, 1, limitMilliseconds) == 1)
      var byte: UInt8 = 0
      guard read(descriptor, &byte, 1) == 1 else { break }
      line.append(byte)
    }
    return String(decoding: line.dropLast(), as: UTF8.self)
  }

  /// Whether the time comes when nobody writes to a pipe any more.
  private static func comesToItsEnd(_ descriptor: CInt) -> Bool {
    while true {
      var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      var bytes = [UInt8](repeating: 0, count: 256)
      guard poll(&wanted, 1, limitMilliseconds) == 1 else { return false }
      if read(descriptor, &bytes, bytes.count) <= 0 { return true }
    }
  }

  private struct Started {
    let process: pid_t
    let output: CInt
    let control: CInt

    init(_ arguments: [String]) throws {
      var pipes: [CInt] = [-1, -1]
      var pair: [CInt] = [-1, -1]
      try #require(pipe2(&pipes, O_CLOEXEC) == 0)
      try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
      process = try JailedProcess.spawn(arguments, control: pair[1], output: pipes[1])
      close(pipes[1])
      close(pair[1])
      (output, control) = (pipes[0], pair[0])
    }

    func end() {
      close(output)
      close(control)
    }

    /// Positive for an exit, negative for a signal.
    func wait() -> CInt {
      var raw: CInt = 0
      while waitpid(process, &raw, 0) < 0, errno == EINTR {}
      return raw & 0x7f == 0 ? raw >> 8 & 0xff : -(raw & 0x7f)
    }
  }

  @Test(arguments: ["program", "unconfined"])
  func `a grandchild without a parent ends with the supervisor that is killed`(profile: String) throws {
    let command = ([Installation.jail] + Self.arguments(profile, Self.leavesOne + "sleep 1000"))
      .map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
    // A shell is the supervisor here.
    let supervisor = try Started(["/bin/sh", "-c", "\(command) & wait"])
    defer { supervisor.end() }
    let grandchild = try #require(pid_t(try Self.line(supervisor.output)))
    #expect(kill(grandchild, 0) == 0)
    if profile == "unconfined" { #expect(getsid(grandchild) == grandchild, "it has a session of its own") }
    kill(supervisor.process, SIGKILL)
    #expect(supervisor.wait() == -SIGKILL)
    // It is the last that has the pipe.
    #expect(Self.comesToItsEnd(supervisor.output))
  }

  @Test(
    arguments: ["program", "unconfined"],
    [("exit 7", 7), ("kill -SEGV $$", -SIGSEGV), ("while :; do sleep 0.05; done", 9)])
  func `a grandchild ends with the program, whose end is that of the jail`(
    profile: String, end: (script: String, status: CInt)
  ) throws {
    let jailed = try Started([Installation.jail] + Self.arguments(profile, Self.leavesOne + end.script))
    defer { jailed.end() }
    #expect(pid_t(try Self.line(jailed.output)) != nil)
    // Reaches the program, and leaves what waits for its end alone.
    if end.status == 9 { kill(-jailed.process, SIGTERM) }
    #expect(Self.comesToItsEnd(jailed.output))
    #expect(jailed.wait() == end.status)
  }
}
