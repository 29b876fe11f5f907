import Foundation
import JSON
import LocalStack
import Testing

extension EndToEndTests {
  /// What agent-core has started, when it is killed by force.
  @Suite struct Orphans {
    private static let hasPython = access("/usr/bin/python3", X_OK) == 0

    private let fixture: StackFixture

    init() throws { fixture = try StackFixture.shared.get() }

    /// Processes that have a word in their command line.
    private func processes(_ word: String) -> [Int32] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
      return names.compactMap { Int32($0) }.filter { process in
        let line = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") ?? Data()
        return String(decoding: line, as: UTF8.self).contains(word)
      }
    }

    @Test(.enabled(if: hasPython, "there is no /usr/bin/python3"))
    func `nothing that a server over stdio has left behind outlives an agent-core that is killed`() throws {
      let word = "sleeper-\(getpid())"
      // Says nothing; its grandchild has no parent and no pipe of the server.
      let program = """
        import os, subprocess, sys, time
        if os.fork() == 0:
            subprocess.Popen(["/bin/sh", "-c", "sleep 1000; : " + sys.argv[1]], stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            os._exit(0)
        os.wait()
        time.sleep(1000)
        """
      let registration = try JSONSerialization.data(
        withJSONObject: [
          "name": "sleeper", "transport": "stdio", "trust": "pin", "command": "/usr/bin/python3",
          "arguments": ["-I", "-S", "-B", "-c", program, "left-" + word],
        ] as [String: Any])
      let (status, server) = try fixture.json(
        "POST", "/api/v1/mcp-servers", body: String(decoding: registration, as: UTF8.self))
      try #require(status == 201)
      let run =
        try fixture.json(
          "POST", "/api/v1/tasks", body: #"{"prompt":"sleep","input":{"tools":["mcp:sleeper/*"]}}"#
        ).root["run"]?["id"]?.string ?? ""
      var left: [Int32] = []
      try fixture.wait("the server has started its grandchild") {
        left = processes(": left-" + word)
        return !left.isEmpty
      }
      let all = Set(processes(word))
      #expect(all.count >= 3, "the launcher, the server and its grandchild")
      try fixture.crash("agent-core")
      try fixture.wait("all of them are gone") { all.isDisjoint(with: processes(word)) }
      #expect(fixture.call("POST", "/api/v1/runs/\(run)/cancel").status < 300)
      #expect(fixture.call("DELETE", "/api/v1/mcp-servers/\(server["id"]?.string ?? "")").status == 204)
    }
  }
}
