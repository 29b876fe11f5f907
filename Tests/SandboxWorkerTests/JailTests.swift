import CLinux
import Glibc
import SandboxProtocol
import Testing

/// What a program in the jail cannot do, tried by a program that tries it.
@Suite(.serialized) struct JailTests {
  private static func probe(
    _ user: uid_t?, _ arguments: [String] = [], jail: [String] = [], profile: String = "wasm-run"
  ) throws -> JailedProcess {
    try JailedProcess(profile: profile, user: user, jail: jail) { _ in [Installation.probe] + arguments }
  }

  @Test(arguments: Installation.users)
  func `no attempt on files, network, processes and the kernel succeeds`(user: uid_t?) throws {
    let jailed = try Self.probe(user)
    let first = try #require(try jailed.next())
    let layers = try SandboxLayers(first)
    #expect(layers.landlock > 0 && layers.hasSystemCallFilter && layers.hasNoCapabilities)
    #expect(layers.hasOwnUser == (user != nil))
    let lines = try jailed.wholeOutput().split(separator: "\n")
    #expect(lines.count > 140, "every attempt has a line")
    #expect(lines.last == "done holds")
    if user != nil { #expect(lines.contains("threads-run-out holds")) }
    for line in lines { #expect(line.hasSuffix(" denied") || line.hasSuffix(" holds"), "\(line)") }
    #expect(jailed.wait() == 0)
  }

  @Test(arguments: [
    "ptrace", "read-process", "write-process", "bpf", "userfaultfd", "perf", "module", "kexec", "file-handle",
  ])
  func `calls that only an attack makes end the process`(name: String) throws {
    let jailed = try Self.probe(Installation.user, [name])
    #expect(try jailed.next()?.kind == .jailed)
    #expect(try jailed.wholeOutput() == "")
    #expect(jailed.wait() == -SIGSYS)
  }

  #if arch(x86_64)
    @Test(arguments: ["x32", "32-bit"])
    func `calls of another interface end the process`(name: String) throws {
      let jailed = try Self.probe(Installation.user, [name])
      #expect(try jailed.next()?.kind == .jailed)
      #expect(try jailed.wholeOutput() == "")
      #expect(jailed.wait() == -SIGSYS)
    }
  #endif

  @Test(.enabled(if: Installation.user != nil && Installation.hasPython, "other users cannot be had"))
  func `threads of others with the same user take none from a program`() throws {
    let user = try #require(Installation.user) + 100_000
    var pipes: [CInt] = [-1, -1]
    try #require(pipe2(&pipes, O_CLOEXEC) == 0)
    defer { close(pipes[0]) }
    let many = """
      import threading, time
      for _ in range(60): threading.Thread(target=time.sleep, args=(600,)).start()
      print("up", flush=True)
      """
    let others = try JailedProcess.spawn(
      JailedProcess.caller(user) + ["/usr/bin/python3", "-I", "-S", "-c", many], control: pipes[1], output: pipes[1])
    close(pipes[1])
    defer {
      kill(others, SIGKILL)
      waitpid(others, nil, 0)
    }
    var bytes = [UInt8](repeating: 0, count: 64)
    var wanted = pollfd(fd: pipes[0], events: Int16(POLLIN), revents: 0)
    try #require(poll(&wanted, 1, 60_000) == 1 && read(pipes[0], &bytes, 64) == 3, "the others run")
    let jailed = try JailedProcess(callerUser: user) { _ in [Installation.probe, "threads"] }
    #expect(try jailed.next()?.kind == .jailed)
    #expect(try jailed.wholeOutput() == "30\n")
  }

  @Test func `processor time is limited`() throws {
    let jailed = try Self.probe(Installation.user, ["spin"], jail: ["--cpu-seconds", "1"])
    #expect(try jailed.wholeOutput() == "")
    #expect([-SIGKILL, -SIGXCPU].contains(jailed.wait()))
  }

  @Test func `a program ends with its supervisor`() throws {
    // A shell is the supervisor here; it says who it is and waits.
    let user = Installation.user.map { ["--uid", "\($0)", "--gid", "\($0)"] } ?? []
    let inner =
      ([Installation.jail, "--profile", "wasm-run", "--scratch", "/tmp"] + user + ["--", Installation.probe, "wait"])
      .joined(separator: " ")
    var pipes: [CInt] = [-1, -1]
    var pair: [CInt] = [-1, -1]
    try #require(pipe2(&pipes, O_CLOEXEC) == 0)
    try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &pair) == 0)
    let shell = try JailedProcess.spawn(["/bin/sh", "-c", "\(inner) & wait"], control: pair[1], output: pipes[1])
    close(pipes[1])
    var bytes = [UInt8](repeating: 0, count: 64)
    var wanted = pollfd(fd: pipes[0], events: Int16(POLLIN), revents: 0)
    #expect(poll(&wanted, 1, 60_000) == 1, "the program runs")
    if wanted.revents != 0 { #expect(read(pipes[0], &bytes, 64) > 0) }
    kill(shell, SIGKILL)
    var status: CInt = 0
    waitpid(shell, &status, 0)
    // The program was the last that had the pipe.
    try #require(poll(&wanted, 1, 60_000) == 1)
    #expect(read(pipes[0], &bytes, 64) == 0)
    for descriptor in [pipes[0], pair[0], pair[1]] { close(descriptor) }
  }

  @Test func `a stopped program is still killed`() throws {
    let jailed = try Self.probe(Installation.user, ["wait"])
    #expect(try !jailed.firstLine().isEmpty)
    kill(jailed.process, SIGSTOP)
    kill(jailed.process, SIGKILL)
    #expect(jailed.wait() == -SIGKILL)
  }

  @Test func `a program gets its descriptors whatever numbers they have here`() throws {
    var held: [CInt] = []
    defer { for descriptor in held { close(descriptor) } }
    for _ in 0..<120 {
      let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
      try #require(descriptor >= 0)
      held.append(descriptor)
      guard descriptor > 90 else { continue }
      let jailed = try Self.probe(Installation.user, ["perf"])
      #expect(try jailed.next()?.kind == .jailed)
      #expect(jailed.wait() == -SIGSYS)
    }
  }

  @Test func `what the jail refuses`() throws {
    let missing = try JailedProcess(user: Installation.user) { _ in ["/nonexistent"] }
    #expect(try JailRefusal(#require(try missing.next())).layer == "paths")
    #expect(missing.wait() == 77)
    let unreadable = try Self.probe(Installation.user, jail: ["--read", "/nonexistent"])
    #expect(try JailRefusal(#require(try unreadable.next())).layer == "paths")
    let folder = try JailedProcess(user: Installation.user) { _ in ["/usr/lib"] }
    #expect(try folder.next()?.kind == .jailed)
    #expect(try JailRefusal(#require(try folder.next())).layer == "exec")
    #expect(folder.wait() == 77)
  }

  @Test(arguments: [
    ["--uid", "0", "--gid", "0"], ["--uid", "5"], ["--files", "-1"], ["--files", "9999999"], ["--read", "relative"],
    ["--landlock", "off"], ["--control", "1"], ["--unknown", "1"], ["--profile", "none"], ["--data-bytes", "1x"],
  ])
  func `command lines that are wrong`(options: [String]) throws {
    let jailed = try JailedProcess(jail: options) { _ in [Installation.probe] }
    #expect(try jailed.wholeOutput().contains("command line"))
    #expect(jailed.wait() == 64)
  }

  @Test(.enabled(if: Installation.hasPython, "there is no /usr/bin/python3"))
  func `native Python sees nothing but its folder`() throws {
    let program = """
      import os, socket, subprocess
      def attempt(name, function):
        try:
          function()
          print(name, "POSSIBLE")
        except (OSError, MemoryError) as error:
          print(name, "denied")
      attempt("passwd", lambda: open("/etc/passwd"))
      attempt("environ", lambda: open("/proc/self/environ"))
      attempt("socket", lambda: socket.socket())
      attempt("name", lambda: socket.getaddrinfo("localhost", 80))
      attempt("fork", os.fork)
      attempt("shell", lambda: subprocess.run(["/bin/sh", "-c", "true"]))
      attempt("control", lambda: os.write(3, b"forged"))
      attempt("memory", lambda: bytearray(1 << 30))
      open("mine", "w").write("x")
      print(sorted(os.environ), "denied" if "CANARY_SECRET" not in os.environ else "POSSIBLE")
      """
    let jailed = try JailedProcess(profile: "native-python", user: Installation.user) { _ in
      ["/usr/bin/python3", "-I", "-S", "-B", "-c", program]
    }
    #expect(try jailed.next()?.kind == .jailed)
    #expect(try jailed.next() == nil, "the program does not have the control descriptor")
    let output = try jailed.wholeOutput()
    #expect(output.split(separator: "\n").count == 9)
    for line in output.split(separator: "\n") { #expect(line.hasSuffix("denied"), "\(output)") }
    #expect(jailed.wait() == 0)
  }
}
