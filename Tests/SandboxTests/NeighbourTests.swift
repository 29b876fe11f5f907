import AgentSandbox
import Foundation
import Glibc
import SandboxProtocol
import Testing

/// Jobs beside each other, sessions, and the end of the service, with the real engine and jail.
@Suite(.serialized, .enabled(if: RealSandbox.isInstalled, "the engine of the sandbox is not installed: `make setup`"))
struct NeighbourTests {
  private func key(_ tenant: String, _ scope: String = "run") -> SessionKey { SessionKey(tenant: tenant, scope: scope) }

  @Test func `good jobs are right while hostile ones run`() async throws {
    let hostile = [
      "while True: pass", "bytearray(1 << 40)", "import os\nos.abort()", "while True: print('x' * 1000)",
      "import time\ntime.sleep(1e6)", "def f(): f()\nf()",
      "for i in range(100000): open(str(i), 'w').close()", "open('/etc/passwd').read()",
    ]
    let left = try await RealSandbox.with { sandbox in
      var limits = sandbox.supervisor.configuration.limits
      limits.wallMilliseconds = 200
      let brief = limits
      await withTaskGroup(of: Void.self) { group in
        for round in 0..<4 {
          for (index, source) in hostile.enumerated() {
            group.addTask {
              let result = await sandbox.run(.python, source, session: key("bad\(index)", "\(round)"), limits: brief)
              #expect(result.code != "ok", "\(source)")
            }
            group.addTask {
              let kind: WorkerKind = index % 2 == 0 ? .python : .javascript
              let source =
                kind == .python
                ? "print(sum(range(\(index + 1000))))"
                : "let s = 0; for (let i = 0; i < \(index + 1000); i++) s += i; console.log(s)"
              let sum = (index + 999) * (index + 1000) / 2
              let result = await sandbox.run(kind, source, session: key("good\(index)", "\(round)"))
              #expect(result.code == "ok" && result.output == "\(sum)\n", "\(result.code) \(result.output)")
            }
          }
        }
      }
    }
    #expect(left == [])
  }

  @Test func `two tenants and two runs see nothing of each other`() async throws {
    let left = try await RealSandbox.with { sandbox in
      let secret = "secret-of-a"
      let first = await sandbox.run(
        .python, "x = '\(secret)'\nopen('kept', 'w').write(x)\nimport json\njson.leak = x", session: key("a"),
        keepsState: true)
      #expect(first.code == "ok" && first.files.map(\.name) == ["kept"])
      let again = await sandbox.run(
        .python, "import json\nprint(x, open('kept').read(), json.leak)", session: key("a"), keepsState: true)
      #expect(again.output == "\(secret) \(secret) \(secret)\n" && again.isContinued)
      for other in [key("b"), key("a", "other run")] {
        let spy = await sandbox.run(
          .python, "import os, json\nprint('x' in globals(), os.listdir('.'), hasattr(json, 'leak'))", session: other,
          keepsState: true)
        #expect(spy.output == "False [] False\n", "\(spy.output)")
      }
      // A job without a session has nothing of the one before either.
      let plain = await sandbox.run(.python, "y = 1\nopen('f', 'w').close()", session: key("c"))
      #expect(plain.code == "ok")
      let next = await sandbox.run(.python, "import os\nprint('y' in globals(), os.listdir('.'))", session: key("c"))
      #expect(next.isContinued && next.output == "False []\n", "\(next.output)")
    }
    #expect(left == [])
  }

  @Test func `a session begins anew after a time-out`() async throws {
    let left = try await RealSandbox.with { sandbox in
      _ = await sandbox.run(.python, "x = 1", session: key("a"), keepsState: true)
      var limits = sandbox.supervisor.configuration.limits
      limits.wallMilliseconds = 100
      let late = await sandbox.run(.python, "while True: pass", session: key("a"), limits: limits, keepsState: true)
      #expect(late.code == "timeout_wall" && late.isContinued)
      let anew = await sandbox.run(.python, "print('x' in globals())", session: key("a"), keepsState: true)
      #expect(anew.code == "ok" && anew.output == "False\n" && !anew.isContinued)
    }
    #expect(left == [])
  }

  @Test func `files go in, links and their like do not come out`() async throws {
    let left = try await RealSandbox.with { sandbox in
      let result = await sandbox.run(
        .python,
        """
        import os
        print(open('in/data.txt').read())
        open('plot.svg', 'w').write('<svg/>')
        os.makedirs('deep/folder')
        open('deep/folder/table.csv', 'w').write('a,b')
        for target in ['../../../../etc/passwd', 'plot.svg']:
            try: os.symlink(target, 'link' + str(len(target)))
            except OSError: pass
        try: os.link('plot.svg', 'second')
        except OSError: pass
        """, session: key("a"), files: [SandboxFile(name: "in/data.txt", bytes: Array("hello".utf8))])
      #expect(result.code == "ok" && result.output == "hello\n", "\(result.code) \(result.output)")
      #expect(result.files.contains { $0.name == "deep/folder/table.csv" })
      #expect(!result.files.contains { $0.name.hasPrefix("link") || $0.name == "in/data.txt" })
      #expect(!result.files.contains { String(decoding: $0.bytes, as: UTF8.self).contains("root:") })
    }
    #expect(left == [])
  }

  @Test func `the same job uses the same fuel`() async throws {
    let left = try await RealSandbox.with { sandbox in
      var fuel: Set<Int64> = []
      for round in 0..<3 {
        let result = await sandbox.run(
          .javascript, "let s = 0; for (let i = 0; i < 10000; i++) s += i; s", session: key("a", "\(round)"))
        #expect(result.code == "ok" && result.report.result == Array("49995000".utf8))
        fuel.insert(result.report.metering.fuel)
        #expect(result.report.metering.cpuMicroseconds > 0 && result.report.metering.peakMemoryBytes > 0)
      }
      #expect(fuel.count == 1 && !fuel.contains(0))
    }
    #expect(left == [])
  }

  @Test func `cancelling one job leaves its neighbour alone`() async throws {
    let left = try await RealSandbox.with { sandbox in
      // Neither is ended by its time, however long a busy machine takes to start them.
      var limits = sandbox.supervisor.configuration.limits
      limits.wallMilliseconds = 120_000
      let task = Task { [limits] in
        await sandbox.run(.python, "import time\ntime.sleep(1e6)", session: key("a"), limits: limits)
      }
      try await sandbox.until(running: 1)
      let neighbour = Task { [limits] in
        await sandbox.run(.python, "import time\ntime.sleep(5)\nprint('done')", session: key("b"), limits: limits)
      }
      try await sandbox.until(running: 2)
      task.cancel()
      let code = await task.value.code
      #expect(code == "cancelled", "\(code)")
      #expect(await neighbour.value.output == "done\n")
    }
    #expect(left == [])
  }

  @Test func `workers that are killed from outside are replaced, at their start and at work`() async throws {
    let left = try await RealSandbox.with { sandbox in
      for round in 0..<10 {
        for process in await sandbox.supervisor.processIDs() { kill(process, SIGKILL) }
        let result = await sandbox.run(.python, "print(1)", session: key("a", "\(round)"))
        #expect(["ok", "memory"].contains(result.code), "\(result.code)")
      }
      #expect(await sandbox.good().code == "ok")
    }
    #expect(left == [])
  }

  @Test func `the service ends while jobs run`() async throws {
    let answers = Task { () -> [String] in
      var codes: [String] = []
      _ = try await RealSandbox.with { sandbox in
        let jobs = (0..<6).map { number in
          Task {
            var limits = sandbox.supervisor.configuration.limits
            limits.wallMilliseconds = 2000
            return await sandbox.run(.python, "while True: pass", session: key("t\(number)"), limits: limits).code
          }
        }
        try? await sandbox.until(running: 2)
        await sandbox.supervisor.stop()
        for job in jobs { codes.append(await job.value) }
      }
      return codes
    }
    let codes = try await answers.value
    #expect(
      codes.count == 6 && codes.allSatisfy { ["timeout_wall", "sandbox_busy", "sandbox_unavailable"].contains($0) })
    #expect(codes.count { $0 == "timeout_wall" } >= 2)
  }

  /// Programs that would go on for ever end by the limit that they have, whatever it is.
  @Test func `limits hold for random programs and limits`() async throws {
    struct Program { let source: String, kind: WorkerKind, codes: Set<String> }
    let programs = [
      Program(source: "while True: pass", kind: .python, codes: ["timeout_wall", "timeout_cpu"]),
      Program(
        source: "import time\nwhile True: time.sleep(0.01)", kind: .python, codes: ["timeout_wall", "timeout_cpu"]),
      Program(
        source: "while True: print('x' * 100)", kind: .python,
        codes: ["timeout_wall", "timeout_cpu", "output_truncated", "exit_nonzero"]),
      Program(
        source: "x = []\nwhile True: x.append(bytearray(100000))", kind: .python,
        codes: ["timeout_wall", "timeout_cpu", "memory"]),
      Program(source: "for (;;) {}", kind: .javascript, codes: ["timeout_wall", "timeout_cpu"]),
      Program(
        source: "const a = []; for (;;) a.push('x'.repeat(10000) + a.length)", kind: .javascript,
        codes: ["timeout_wall", "timeout_cpu", "memory", "exit_nonzero", "trap"]),
    ]
    var random = SystemRandomNumberGenerator()
    let left = try await RealSandbox.with { sandbox in
      for round in 0..<30 {
        guard let program = programs.randomElement(using: &random) else { return }
        var limits = RunLimits()
        limits.wallMilliseconds = Int64.random(in: 20...200, using: &random)
        limits.fuel = Int64.random(in: 10_000_000...4_000_000_000, using: &random)
        limits.memoryBytes = Int64.random(in: 48...128, using: &random) << 20
        limits.outputBytes = Int64.random(in: 1000...1_000_000, using: &random)
        let result = await sandbox.run(program.kind, program.source, session: key("a", "\(round)"), limits: limits)
        #expect(program.codes.contains(result.code), "\(program.source): \(result.code) \(limits)")
        #expect(result.report.metering.fuel <= limits.fuel + 1_000_000)
        #expect(result.report.standardOutput.totalCount <= limits.outputBytes)
      }
      #expect(await sandbox.good().code == "ok")
    }
    #expect(left == [])
  }
}
