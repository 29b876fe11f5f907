import Foundation
import Testing

extension EndToEndTests {
  /// The API as its description has it: `Tests/API/run.py` starts a whole stack, holds real answers against the
  /// description, drives it with the client in Python and with requests that schemathesis makes up.
  @Suite struct APISurfaceTests {
    @Test func `the tools are installed and the cases are found`() {
      #expect(surfaceCases.names.count > 15, "run deploy/setup.sh test")
      #expect(Set(surfaceCases.names).count == surfaceCases.names.count)
    }

    @Test(arguments: surfaceCases.names)
    func `a case of the API`(_ name: String) throws {
      let outcome = try #require(surfaceCases.outcomes[name], "the case did not run: \(surfaceCases.end)")
      // One line for each case, to be counted.
      FileHandle.standardOutput.write(Data("\(outcome.word) \(name)\n".utf8))
      #expect(outcome.word != "FAIL", "\(name)\n\(outcome.details)")
    }
  }
}

/// The cases of `Tests/API`, all run once.
private let surfaceCases = PythonCases(environment: "api", script: "Tests/API/run.py")
