import Foundation
import Testing

extension EndToEndTests {
  /// The llm-router with the clients that people use: `Tests/Clients/run.py` starts a router with its own Postgres,
  /// Redis and providers, and drives it with the Python packages of OpenAI and Anthropic.
  @Suite struct ModelClientTests {
    @Test func `the clients are installed and their cases are found`() {
      #expect(clientCases.names.count > 200, "run deploy/setup.sh test")
      #expect(Set(clientCases.names).count == clientCases.names.count)
    }

    @Test(arguments: clientCases.names)
    func `a case of the clients`(_ name: String) throws {
      let outcome = try #require(clientCases.outcomes[name], "the case did not run: \(clientCases.end)")
      // One line for each case, to be counted.
      FileHandle.standardOutput.write(Data("\(outcome.word) \(name)\n".utf8))
      #expect(outcome.word != "FAIL", "\(name)\n\(outcome.details)")
    }
  }
}

/// The cases of `Tests/Clients`, all run once.
private let clientCases = PythonCases(environment: "python", script: "Tests/Clients/run.py")
