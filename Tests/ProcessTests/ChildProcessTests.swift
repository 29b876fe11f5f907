import Glibc
import Process
import Testing

@Suite struct ChildProcessTests {
  private func shell(_ script: String, limits: [ResourceLimit] = []) -> ProcessSpecification {
    ProcessSpecification(
      "/bin/sh", ["-c", script], environment: ["PATH": "/usr/bin:/bin"], folder: "/", limits: limits)
  }

  @Test func `a program runs with its arguments, environment and folder, and with nothing else`() throws {
    var specification = shell("echo \"$0|$A|$HOME|$(pwd)\"; exit 3")
    specification.environment["A"] = "b c"
    let ended = try ChildProcess.run(specification)
    #expect(ended.status == 3)
    #expect(ended.output == "/bin/sh|b c||/\n")
    #expect(!ended.isTruncated)
  }

  @Test func `a program that cannot be started is an error that says why`() {
    let error = #expect(throws: ProcessError.self) { try ChildProcess.run(ProcessSpecification("/nonexistent/tool")) }
    #expect(error?.description.contains("tool cannot be started") == true)
    #expect(error?.description.contains("No such file") == true)
    var folder = shell("true")
    folder.folder = "/nonexistent"
    #expect(throws: ProcessError.self) { try ChildProcess.run(folder) }
    #expect(throws: ProcessError.self) { try ChildProcess.run(ProcessSpecification("/etc/passwd")) }
  }

  @Test func `a program that was killed has the status of its signal`() throws {
    #expect(try ChildProcess.run(shell("kill -9 $$")).status == 137)
    let child = try ChildProcess.start(shell("sleep 100"))
    #expect(child.exitStatus == nil)
    child.kill(SIGTERM)
    #expect(child.wait(seconds: 10) == 143)
    #expect(child.exitStatus == 143)
    // The id may be another process's by now; nothing is sent.
    child.kill(SIGKILL)
    child.killGroup()
  }

  @Test func `no descriptor of this process reaches the program, whatever its number`() throws {
    let high = fcntl(1, F_DUPFD, 700)
    #expect(high >= 700)
    defer { close(high) }
    let ended = try ChildProcess.run(
      ProcessSpecification("/bin/ls", ["/proc/self/fd"], environment: ["PATH": "/bin"], folder: "/"))
    // The fourth is the folder that is listed.
    #expect(ended.output.split(separator: "\n") == ["0", "1", "2", "3"])
  }

  @Test func `signals are as by default`() throws {
    let ended = try ChildProcess.run(
      ProcessSpecification("/bin/grep", ["-E", "Sig(Blk|Ign)", "/proc/self/status"], environment: [:], folder: "/"))
    let lines = ended.output.split(separator: "\n")
    #expect(lines.count == 2)
    // Those from 32 on belong to the C library.
    for line in lines { #expect(UInt64(line.suffix(16), radix: 16).map { $0 & 0x7FFF_FFFF } == 0, "\(line)") }
  }

  @Test func `of an output the end is kept`() throws {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done"
    let ended = try ChildProcess.run(shell(script), outputBytesMax: 100)
    #expect(ended.bytes.count == 100)
    #expect(ended.isTruncated)
    #expect(ended.output.hasSuffix("line 19998\nline 19999\n"))
  }

  @Test func `limits hold`() throws {
    let limits: [ResourceLimit] = [.descriptors(64), .coreBytes(0), .fileBytes(1024)]
    let ended = try ChildProcess.run(shell("ulimit -n; ulimit -c", limits: limits))
    #expect(ended.output == "64\n0\n")
    let spinning = try ChildProcess.run(shell("while :; do :; done", limits: [.processorSeconds(1)]))
    #expect(spinning.status > 128)
  }

  @Test func `a program that does not end in time is killed with all that it has started`() throws {
    let file = "/tmp/cadre-process-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer { unlink(file) }
    let error = #expect(throws: ProcessError.self) {
      try ChildProcess.run(shell("sleep 300 & echo $! > \(file); wait"), seconds: 1)
    }
    #expect(error?.description == "sh did not end within 1 s")
    #expect(try isGone(file))
  }

  @Test func `what a program leaves running holds nobody up, and ends with it when that is asked for`() throws {
    for endsGroup in [false, true] {
      let file = "/tmp/cadre-process-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
      defer { unlink(file) }
      var specification = shell("sleep 300 & echo $! > \(file)")
      specification.endsGroup = endsGroup
      #expect(try ChildProcess.run(specification).status == 0)
      let process = try identity(file)
      #expect(try isGone(file, tries: endsGroup ? 1000 : 1) == endsGroup)
      if !endsGroup { Glibc.kill(process, SIGKILL) }
    }
  }

  @Test func `stopping ends what does not listen`() throws {
    let file = "/tmp/cadre-process-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    defer { unlink(file) }
    let child = try ChildProcess.start(shell("trap '' TERM; : > \(file); while :; do sleep 0.05; done"))
    while access(file, F_OK) != 0, child.exitStatus == nil { usleep(1000) }
    child.stop(seconds: 1)
    #expect(child.exitStatus == 137)
  }

  @Test func `many programs at once are all reaped`() async throws {
    let statuses = await withTaskGroup(of: Int32.self) { group in
      for number in 0..<40 { group.addTask { (try? ChildProcess.run(shell("exit \(number)")).status) ?? -1 } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(statuses.sorted() == Array(0..<40))
  }

  private func identity(_ file: String) throws -> Int32 {
    let text = try ChildProcess.run(ProcessSpecification("/bin/cat", [file], folder: "/")).output
    return try #require(Int32(text.split(separator: "\n").first ?? ""))
  }

  /// Whether the process whose id stands in a file has ended; it may have a moment to disappear.
  private func isGone(_ file: String, tries: Int = 1000) throws -> Bool {
    let process = try identity(file)
    for _ in 0..<tries {
      if Glibc.kill(process, 0) != 0 { return true }
      let state = try ChildProcess.run(ProcessSpecification("/bin/cat", ["/proc/\(process)/stat"], folder: "/")).output
      // One that nobody reaps is dead too.
      if state.contains(") Z ") || !state.contains(") ") { return true }
      usleep(10_000)
    }
    return false
  }
}
