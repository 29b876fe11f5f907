import Foundation
import LocalStack
import Testing

extension EndToEndTests {
  /// The MCP server of the gateway with the official clients, over two replicas.
  @Suite struct MCPClientTests {
    @Test(arguments: ["mcp", "mcp-sessions"])
    func `official clients use the platform`(environment: String) throws {
      let fixture = try StackFixture.shared.get()
      let process = Process()
      process.executableURL = URL(fileURLWithPath: StackFixture.repository + "/.build/\(environment)/bin/python")
      process.arguments = [
        "-B", "-u", StackFixture.repository + "/Tests/Clients/mcp_client.py", "--ports",
        fixture.stack.ports(of: "gateway").map(String.init).joined(separator: ","), "--key", fixture.stack.apiKey,
        "--other-key", StackFixture.otherKey,
      ]
      // Other tests change the environment of this process.
      process.environment = ["PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"]
      let output = Pipe()
      process.standardOutput = output
      process.standardError = output
      try process.run()
      // Nothing here takes longer; a hung case must not hang the suite.
      let watchdog = DispatchWorkItem { process.terminate() }
      DispatchQueue.global().asyncAfter(deadline: .now() + 900, execute: watchdog)
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      process.waitUntilExit()
      watchdog.cancel()
      let passed = text.split(separator: "\n").count { $0.hasPrefix("PASS ") }
      #expect(process.terminationStatus == 0 && passed == (environment == "mcp" ? 22 : 11), "\(text.suffix(8000))")
    }
  }
}
