import Foundation
import Testing

extension EndToEndTests {
  /// The llm-router with the clients that people use: `Tests/Clients/run.py` starts a router with its own Postgres,
  /// Redis and providers, and drives it with the Python packages of OpenAI and Anthropic.
  @Suite struct ModelClientTests {
    @Test func `the clients of OpenAI and Anthropic, and everything behind them`() throws {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let python = root.appendingPathComponent(".build/python/bin/python").path
      try #require(
        FileManager.default.isExecutableFile(atPath: python),
        "the Python clients are not installed: run deploy/setup.sh test")
      let process = Process()
      process.executableURL = URL(fileURLWithPath: python)
      process.arguments = [
        "-B", "-u", root.appendingPathComponent("Tests/Clients/run.py").path, "--bin", StackFixture.executables,
      ]
      // Other tests change the environment of this process.
      process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8"]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      // Nothing here takes longer; a hung case must not hang the suite.
      let watchdog = DispatchWorkItem { process.terminate() }
      DispatchQueue.global().asyncAfter(deadline: .now() + 1800, execute: watchdog)
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      watchdog.cancel()
      for part in text.components(separatedBy: "\nFAIL ").dropFirst() {
        Issue.record("\(part.components(separatedBy: "\nEND").first ?? part)")
      }
      #expect(process.terminationStatus == 0, "\(text.suffix(2000))")
      #expect(text.components(separatedBy: "\nPASS ").count > 80, "too few cases ran")
    }
  }
}
