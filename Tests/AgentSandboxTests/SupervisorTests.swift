import Foundation
import Glibc
import SandboxProtocol
import Testing

@testable import AgentSandbox

/// Waits for a state that is sure to come, and says so where it does not.
private func until(_ condition: () async -> Bool) async throws {
  for _ in 0..<12_000 {
    if await condition() { return }
    try await Task.sleep(for: .milliseconds(5))
  }
  try #require(await condition(), "the state was not reached in time")
}

/// The supervisor with processes, whatever they do.
@Suite(.serialized) struct SupervisorTests {
  @Test func `jobs of a session share a worker, and others do not`() async throws {
    let sandbox = try await FakeSandbox { $0.pool.warm = [.python: 1] }
    let first = await sandbox.run("pid")
    #expect(first.code == "ok" && !first.isContinued)
    #expect(first.layers?.landlock == 7)
    let second = await sandbox.run("pid")
    #expect(second.output == first.output && second.isContinued)
    for other in [await sandbox.run("pid", tenant: "b"), await sandbox.run("pid", scope: "other")] {
      #expect(other.output != first.output && !other.isContinued)
    }
    #expect(await sandbox.stop() == [])
  }

  @Test func `after whatever a worker does the job is answered and the next one works`() async throws {
    let sandbox = try await FakeSandbox { $0.graceMilliseconds = 50 }
    let cases: [(source: String, wall: Int64, code: String)] = [
      ("sleep", 100, "timeout_wall"), ("stopped", 100, "timeout_wall"), ("close", 60_000, "sandbox_error"),
      ("signal 9", 60_000, "memory"), ("signal 24", 60_000, "timeout_cpu"), ("signal 25", 60_000, "disk"),
      ("signal 31", 60_000, "denied"), ("signal 11", 60_000, "sandbox_error"), ("exit 0", 60_000, "sandbox_error"),
      ("exit 78", 60_000, "sandbox_error"), ("garbage", 60_000, "sandbox_error"), ("huge", 60_000, "sandbox_error"),
      ("header", 60_000, "sandbox_error"), ("other_id", 60_000, "sandbox_error"), ("flood", 60_000, "sandbox_error"),
      ("outcome trap", 60_000, "trap"), ("outcome sandbox_error", 60_000, "sandbox_error"), ("fill", 60_000, "disk"),
      ("threads", 60_000, "denied"),
      ("outcome exit_nonzero", 60_000, "exit_nonzero"), ("child", 60_000, "ok"), ("twice", 60_000, "ok"),
    ]
    for (source, wall, code) in cases {
      let result = await sandbox.run(source, scope: source, wall: wall)
      #expect(result.code == code, "\(source)")
      #expect(result.report.metering.wallMicroseconds > 0, "\(source)")
      let good = await sandbox.run("say fine", scope: source)
      #expect(good.code == "ok" && good.output == "fine", "after \(source)")
      #expect(!good.isContinued || ["ok", "exit_nonzero"].contains(code), "after \(source)")
    }
    #expect(await sandbox.stop() == [])
  }

  /// Without the look it would wait for the grace.
  @Test(.timeLimit(.minutes(5)))
  func `a worker that only sleeps behind its time is killed before the grace is over`() async throws {
    let sandbox = try await FakeSandbox { $0.graceMilliseconds = 86_400_000 }
    let blocked = await sandbox.run("sleep", wall: 50)
    #expect(blocked.code == "timeout_wall" && blocked.cause == .deadline)
    #expect(await sandbox.run("say fine").output == "fine")
    #expect(await sandbox.stop() == [])
  }

  /// One look that finds it at work must not be the last.
  @Test(.timeLimit(.minutes(5)))
  func `a worker that still computes at the first look and then sleeps is killed before the grace is over`()
    async throws
  {
    let sandbox = try await FakeSandbox { $0.graceMilliseconds = 86_400_000 }
    let blocked = await sandbox.run("spin_then_sleep", wall: 50)
    #expect(blocked.code == "timeout_wall" && blocked.cause == .deadline)
    #expect(await sandbox.stop() == [])
  }

  @Test func `files of a worker that ends when it has reported are read to the last`() async throws {
    let sandbox = try await FakeSandbox()
    for round in 0..<10 {
      let result = await sandbox.run("leave", scope: "\(round)")
      #expect(result.code == "ok" && result.files.count == 200, "\(round)")
      #expect(result.files.allSatisfy { $0.bytes.count == 4000 })
    }
    #expect(await sandbox.stop() == [])
  }

  @Test func `a crash is repeated once on a new worker`() async throws {
    let sandbox = try await FakeSandbox()
    let mark = sandbox.root + "-mark"
    defer { unlink(mark) }
    let result = await sandbox.run("crash_once \(mark)")
    #expect(result.code == "ok" && result.output == "second")
    #expect(await sandbox.stop() == [])
  }

  @Test func `files go in and come out, and stay in a session only`() async throws {
    let sandbox = try await FakeSandbox()
    let input = SandboxFile(name: "in/a.txt", bytes: [1, 2])
    let written = await sandbox.run("write out.txt hello", session: true, files: [input])
    #expect(written.files == [SandboxFile(name: "out.txt", bytes: Array("hello".utf8))])
    #expect(await sandbox.run("list", session: true).output == "in\nout.txt")
    #expect(await sandbox.run("say x", session: true).files == [])
    let alone = await sandbox.run("write one.txt x", scope: "plain")
    #expect(alone.files.map(\.name) == ["one.txt"])
    let next = await sandbox.run("list", scope: "plain")
    #expect(next.isContinued && next.output == "")
    #expect(await sandbox.run("list", tenant: "b").output == "")
    #expect(await sandbox.stop() == [])
  }

  @Test func `a worker gets no environment and no descriptors`() async throws {
    let sandbox = try await FakeSandbox()
    let environment = await sandbox.run("environment").output
    #expect(!environment.contains("PATH") && !environment.contains("HOME"))
    #expect(await sandbox.run("descriptors").output.split(separator: " ").count <= 5)
    #expect(await sandbox.stop() == [])
  }

  @Test func `a cancelled job is killed, and its neighbour is not`() async throws {
    let sandbox = try await FakeSandbox()
    let task = Task { await sandbox.run("sleep", wall: 60_000) }
    try await until { await sandbox.supervisor.counts().running >= 1 }
    let neighbour = Task { await sandbox.run(sandbox.hold, tenant: "b") }
    try await until { await sandbox.supervisor.counts().running >= 2 }
    task.cancel()
    #expect(await task.value.code == "cancelled")
    sandbox.release()
    #expect(await neighbour.value.output == "held")
    // Before it was submitted, and while it waits.
    let early = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await sandbox.run("say x")
    }
    #expect(await early.value.code == "cancelled")
    #expect(await sandbox.stop() == [])
  }

  @Test func `a full queue says so`() async throws {
    let sandbox = try await FakeSandbox {
      $0.pool.runningMax = 1
      $0.pool.queuedMax = 1
    }
    let busy = Task { await sandbox.run(sandbox.hold, tenant: "a") }
    try await until { await sandbox.supervisor.counts().running >= 1 }
    let waiting = Task { await sandbox.run("say late", tenant: "b") }
    try await until { await sandbox.supervisor.counts().queued >= 1 }
    let refused = await sandbox.run("say x", tenant: "c")
    #expect(refused.code == "sandbox_busy" && refused.ending == .refused(.queueFull))
    sandbox.release()
    #expect(await waiting.value.output == "late")
    #expect(await busy.value.output == "held")
    #expect(await sandbox.stop() == [])
  }

  @Test(arguments: ["refuse", "die"]) func `workers that do not start are unavailable, and nothing is left`(
    mode: String
  ) async throws {
    let sandbox = try await FakeSandbox(mode: mode) {
      $0.pool.startPause = 1_000_000
      $0.pool.warm = [.python: 1]
    }
    let result = await sandbox.run("say x")
    #expect(result.code == "sandbox_unavailable" && result.ending == .refused(.cannotStart))
    #expect(await sandbox.stop() == [])
  }

  @Test func `a worker that never gets ready is killed`() async throws {
    let sandbox = try await FakeSandbox(mode: "silent") {
      $0.startMilliseconds = 50
      $0.pool.startPause = 1_000_000
    }
    #expect(await sandbox.run("say x").code == "sandbox_unavailable")
    #expect(await sandbox.stop() == [])
  }

  @Test func `a supervisor that ends answers what waits, and lets finish what runs`() async throws {
    let sandbox = try await FakeSandbox { $0.pool.runningMax = 1 }
    let running = Task { await sandbox.run(sandbox.hold) }
    try await until { await sandbox.supervisor.counts().running >= 1 }
    let waiting = Task { await sandbox.run("say x", tenant: "b") }
    try await until { await sandbox.supervisor.counts().queued >= 1 }
    let left = Task { await sandbox.stop() }
    #expect(await waiting.value.ending == .refused(.draining))
    sandbox.release()
    #expect(await running.value.output == "held")
    #expect(await left.value == [])
    #expect(await sandbox.run("say x").code == "sandbox_unavailable")
  }

  @Test func `a kill while workers start leaves nothing`() async throws {
    let sandbox = try await FakeSandbox { $0.pool.warm = [.python: 4, .javascript: 4] }
    #expect(await sandbox.stop() == [])
  }

  @Test func `hostile and good jobs side by side`() async throws {
    let sandbox = try await FakeSandbox { $0.graceMilliseconds = 10 }
    let before = FakeSandbox.openDescriptors()
    let hostile = ["signal 11", "garbage", "sleep", "exit 3", "flood", "outcome trap", "signal 9", "huge"]
    await withTaskGroup(of: Void.self) { group in
      for round in 0..<3 {
        for (index, source) in hostile.enumerated() {
          group.addTask {
            let result = await sandbox.run(source, tenant: "bad\(index)", scope: "\(round)", wall: 50)
            #expect(result.code != "ok", "\(source)")
          }
          group.addTask {
            let result = await sandbox.run("say \(index)", tenant: "good\(index)", scope: "\(round)")
            #expect(result.code == "ok" && result.output == "\(index)")
          }
        }
      }
    }
    while await sandbox.supervisor.counts().workers > 0 {
      for index in hostile.indices {
        for round in 0..<3 {
          sandbox.supervisor.endSession(SessionKey(tenant: "good\(index)", scope: "\(round)"))
        }
      }
      try await Task.sleep(for: .milliseconds(5))
    }
    // Some sixty workers came and went, each with two descriptors; other suites run meanwhile.
    #expect(FakeSandbox.openDescriptors() <= before + 40)
    #expect(await sandbox.stop() == [])
  }
}
