import Glibc
import LocalStack
import Testing

@Suite struct LoopbackPortTests {
  @Test func `ports are given once, and none that the system may take for a connection`() {
    let ports = (0..<200).map { _ in LoopbackPort.free() }
    #expect(Set(ports).count == ports.count)
    #expect(ports.allSatisfy { (10_240..<32_768).contains($0) && LoopbackPort.isFree($0) })
  }

  @Test func `programs that are started meanwhile hold no port`() async throws {
    let programs = Task.detached {
      var started: [pid_t] = []
      while started.count < 300 {
        var pid: pid_t = 0
        var words = [strdup("sleep"), strdup("60"), nil]
        defer { for word in words { free(word) } }
        guard posix_spawnp(&pid, "sleep", nil, nil, &words, environ) == 0 else { break }
        started.append(pid)
      }
      return started
    }
    let ports = (0..<4000).map { _ in LoopbackPort.free() }
    let started = await programs.value
    let taken = ports.filter { !LoopbackPort.isFree($0) }
    for pid in started {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
    }
    #expect(started.count == 300)
    #expect(taken.isEmpty)
  }
}
