import SandboxProtocol
import Testing

@testable import AgentSandbox

/// The program around native Python, without its jail.
@Suite struct NativePythonTests {
  private func run(
    _ sandbox: FakeSandbox, _ source: String, arguments: String = "null", input: String = "", outputBytes: Int64 = 1000
  ) async -> SandboxResult {
    var job = sandbox.job(source, kind: .nativePython)
    job.request.arguments = Array(arguments.utf8)
    job.request.input = Array(input.utf8)
    job.request.limits.outputBytes = outputBytes
    job.request.limits.keptOutputBytes = 100
    return await sandbox.supervisor.run(job)
  }

  @Test func `one process, one job`() async throws {
    let sandbox = try await FakeSandbox(launcher: UnjailedPython()) { $0.requiresJail = false }
    let good = await run(
      sandbox,
      "import cadre, sys\nprint(sys.stdin.read())\nprint('e', file=sys.stderr)\nopen('f', 'w').write('x')\n{'a': cadre.arguments}",
      arguments: "[1]", input: "in")
    #expect(good.code == "ok" && good.output == "in\n")
    #expect(good.report.standardError.bytes == Array("e\n".utf8))
    #expect(good.report.result == Array(#"{"a": [1]}"#.utf8))
    #expect(good.files == [SandboxFile(name: "f", bytes: [0x78])])
    #expect(good.report.metering.cpuMicroseconds > 0 && good.report.metering.wallMicroseconds > 0)
    let next = await run(sandbox, "import os\nos.listdir('.')")
    #expect(!next.isContinued && next.report.result == Array("[]".utf8))
    for (source, code) in [
      ("raise ValueError('x')", "exit_nonzero"), ("import sys\nsys.exit(3)", "exit_nonzero"),
      ("import sys\nsys.exit()", "ok"), ("raise MemoryError", "memory"), ("}{", "exit_nonzero"),
      ("while True: print('x' * 100)", "output_truncated"), ("import os\nos._exit(0)", "sandbox_error"),
      ("import os\nos.abort()", "sandbox_error"), ("import os\nos.write(1, b'x' * 100)", "sandbox_error"),
    ] { #expect(await run(sandbox, source).code == code, "\(source)") }
    let flood = await run(sandbox, "try:\n    while True: print('x' * 100)\nexcept OSError: pass")
    #expect(flood.code == "output_truncated" && flood.report.standardOutput.totalCount == 1000)
    #expect(flood.report.standardOutput.bytes.count == 100)
    #expect(await sandbox.stop() == [])
  }
}
