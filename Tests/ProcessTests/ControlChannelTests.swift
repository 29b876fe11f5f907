import Glibc
import Process
import Testing

@Suite struct ControlChannelTests {
  @Test func `a program gets its end of a control channel as number 3, and nothing else`() throws {
    let channel = try ControlChannel.make()
    defer { close(channel.own) }
    var specification = ProcessSpecification(
      "/bin/sh", ["-c", "ls /proc/self/fd | tr '\\n' ' ' >&3; read line <&3; echo got $line >&3; exit 4"],
      environment: ["PATH": "/bin"])
    specification.control = channel.program
    let child = try ChildProcess.start(specification)
    close(channel.program)
    func read() -> String {
      var wanted = pollfd(fd: channel.own, events: Int16(POLLIN), revents: 0)
      poll(&wanted, 1, 60_000)
      var bytes = [UInt8](repeating: 0, count: 1000)
      let count = recv(channel.own, &bytes, bytes.count, 0)
      return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
    // 4 is the folder that is listed.
    #expect(read() == "0 1 2 3 4 ")
    #expect(send(channel.own, "x\n", 2, 0) == 2)
    #expect(read() == "got x\n")
    let descriptor = try #require(child.endDescriptor())
    defer { close(descriptor) }
    var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&wanted, 1, 60_000) == 1)
    #expect(child.end?.status == 4)
    #expect(child.end?.signal == nil)
  }

  @Test func `what a program has used is known, and the signal that has killed it`() throws {
    let child = try ChildProcess.start(
      ProcessSpecification("/bin/sh", ["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; kill -9 $$"]))
    #expect(child.processorMicroseconds != nil)
    #expect(child.wait(seconds: 60) == 137)
    #expect(child.processorMicroseconds == nil)
    let end = try #require(child.end)
    #expect(end.signal == SIGKILL)
    #expect(end.userMicroseconds > 1000)
    #expect(end.residentBytesMax > 100_000)
  }
}
