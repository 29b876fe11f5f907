import Foundation
import Testing

/// Documents that are generated say what the executables say.
@Suite struct GeneratedDocumentTests {
  /// Each with the program that prints it, given the folder of the executables.
  @Test(arguments: [("docs/configuration.md", "deploy/configuration-docs.sh")])
  func `a generated document is that of this state of the code`(_ document: String, _ program: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = [StackFixture.repository + "/" + program, StackFixture.executables]
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let generated = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    let kept = try String(contentsOfFile: StackFixture.repository + "/" + document, encoding: .utf8)
    let differences = zip(generated.split(separator: "\n"), kept.split(separator: "\n")).filter { $0 != $1 }
    #expect(
      generated == kept, "run `make build docs`; \(differences.first.map { "\($0.0)\ninstead of\n\($0.1)" } ?? "")")
  }
}
