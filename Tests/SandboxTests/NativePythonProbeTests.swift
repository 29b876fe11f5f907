import AgentSandbox
import Glibc
import SandboxProtocol
import Testing

/// The jail without the engine inside it: native Python tries what no guest may do.
@Suite(
  .serialized,
  .enabled(
    if: RealSandbox.isInstalled && access("/usr/bin/python3", X_OK) == 0,
    "the engine of the sandbox is not installed: `make setup`"))
struct NativePythonProbeTests {
  private func check(_ attempts: [(String, String)]) async throws {
    let left = try await RealSandbox.with { sandbox in
      await withTaskGroup(of: Void.self) { group in
        for (name, expression) in attempts {
          group.addTask {
            let source =
              NativeProbe.prelude + """
                try:
                    value = (\(expression))
                except BaseException as error:
                    print('contained', type(error).__name__)
                else:
                    print('ESCAPED', repr(value)[:100])
                """
            let result = await sandbox.run(
              .nativePython, source, session: SessionKey(tenant: "native", scope: name))
            let isContained =
              result.code == "denied" || result.code == "ok" && result.output.hasPrefix("contained")
            #expect(isContained, "\(name): \(result.code) \(result.output)")
            #expect(!result.output.contains("ESCAPED") && !result.output.contains(RealSandbox.canary), "\(name)")
            #expect(result.report.metering.wallMicroseconds > 0)
          }
        }
      }
      #expect(await sandbox.good().code == "ok")
    }
    #expect(left == [])
  }

  @Test func `the self-test of the service is contained`() async throws {
    let left = try await RealSandbox.with { sandbox in
      #expect(await sandbox.selfTest() == .contained)
    }
    #expect(left == [])
  }

  @Test func `files, network, processes and identity`() async throws { try await check(NativeProbe.attempts) }

  #if arch(x86_64)
    @Test func `system calls`() async throws { try await check(NativeProbe.calls) }
  #endif

  @Test func `time, memory, output and a stopped process`() async throws {
    let left = try await RealSandbox.with { sandbox in
      var limits = sandbox.supervisor.configuration.limits
      limits.wallMilliseconds = 700
      let brief = limits
      for (source, codes) in [
        ("while True: pass", ["timeout_wall"]), ("import time\ntime.sleep(1e6)", ["timeout_wall"]),
        (
          "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('contained')",
          ["timeout_wall", "ok", "denied", "exit_nonzero"]
        ),
        ("import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')", ["timeout_wall"]),
        ("x = bytearray(1 << 40)", ["memory"]), ("x = []\nwhile True: x.append(bytearray(1 << 20))", ["memory"]),
        ("while True: print('x' * 10000)", ["output_truncated"]),
        (
          "import threading\nwhile True: threading.Thread(target=__import__('time').sleep, args=(100,)).start()",
          ["exit_nonzero", "timeout_wall", "memory"]
        ),
        ("f = open('x', 'wb')\nf.truncate(1 << 40)", ["exit_nonzero", "disk"]),
        ("for i in range(10**6): open(str(i), 'w').close()", ["disk", "timeout_wall", "exit_nonzero"]),
        ("import ctypes\nctypes.string_at(0)", ["sandbox_error"]),
        (
          "import os\nprint([n for n in os.environ if n not in ('LANG', 'SWIFT_BACKTRACE', 'LC_CTYPE')], os.listdir('.'))",
          ["ok"]
        ),
      ] as [(String, [String])] {
        let result = await sandbox.run(
          .nativePython, source, session: SessionKey(tenant: "native", scope: "limits"), limits: brief)
        #expect(codes.contains(result.code), "\(source): \(result.code) \(result.output.prefix(200))")
        if codes == ["ok"] { #expect(result.output == "[] []\n", "\(result.output)") }
      }
      // Files that have lost their names are seen at the next look, whenever that is.
      limits.wallMilliseconds = 60_000
      let held = await sandbox.run(
        .nativePython,
        """
        import os, time
        held = []
        for number in range(20):
          file = open(str(number), 'wb')
          os.unlink(str(number))
          file.write(bytes(8 << 20))
          held.append(file)
        time.sleep(1000)
        """, session: SessionKey(tenant: "native", scope: "held"), limits: limits)
      #expect(held.code == "disk")
    }
    #expect(left == [])
  }
}
