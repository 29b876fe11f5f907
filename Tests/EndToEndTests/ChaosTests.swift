import Foundation
import Testing

/// The short form of `make chaos`: two replicas of each service, faults at moments that follow from a seed.
extension EndToEndTests {
  @Suite(.serialized) struct Chaos {
    @Test func `whatever dies under a mixed load, every accepted task ends once and every token is accounted`() throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = [
        "python3", StackFixture.repository + "/Tests/Faults/chaos.py", "--bin", StackFixture.executables, "--seconds",
        "30", "--seed", "\(ProcessInfo.processInfo.environment["CADRE_CHAOS_SEED"] ?? "11")", "--rate", "8",
      ]
      let pipe = Pipe()
      process.standardOutput = pipe
      process.standardError = pipe
      try process.run()
      let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      #expect(process.terminationStatus == 0, "\(said)")
      #expect(said.contains("\n0 violations"))
    }
  }
}
