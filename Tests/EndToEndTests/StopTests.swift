import Foundation
import Testing

extension EndToEndTests {
  @Suite(.serialized) struct Stopping {
    @Test func `Ctrl-C is heard while the example waits for a silent provider, and a second one waits for nobody`()
      throws
    {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        "python3", StackFixture.repository + "/Tests/Faults/stop.py", "--bin", StackFixture.executables,
      ]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(said)")
      #expect(said.hasSuffix("heard\n"))
    }
  }
}
