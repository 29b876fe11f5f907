import Foundation
import Testing

extension EndToEndTests {
  /// The llm-router with the clients that people use: `Tests/Clients/run.py` starts a router with its own Postgres,
  /// Redis and providers, and drives it with the Python packages of OpenAI and Anthropic.
  @Suite struct ModelClientTests {
    @Test func `the clients are installed and their cases are found`() {
      #expect(ClientCases.names.count > 200, "run deploy/setup.sh test")
      #expect(Set(ClientCases.names).count == ClientCases.names.count)
    }

    @Test(arguments: ClientCases.names)
    func `a case of the clients`(_ name: String) throws {
      let outcome = try #require(ClientCases.outcomes[name], "the case did not run: \(ClientCases.end)")
      // One line for each case, to be counted.
      FileHandle.standardOutput.write(Data("\(outcome.word) \(name)\n".utf8))
      #expect(outcome.word != "FAIL", "\(name)\n\(outcome.details)")
    }
  }
}

/// The cases of `Tests/Clients`, all run once.
private enum ClientCases {
  struct Outcome {
    /// `PASS`, `SKIP` or `FAIL`.
    let word: String
    let details: String
  }

  /// The names, in the order in which the cases run.
  static let names = run(["--list"]).text.split(separator: "\n").map(String.init)

  private static let all = run([])
  /// What the program said at its end.
  static var end: String { String(all.text.suffix(2000)) }

  static let outcomes: [String: Outcome] = {
    var found: [String: Outcome] = [:]
    var open: (name: String, lines: [String])?
    for line in all.text.split(separator: "\n", omittingEmptySubsequences: false) {
      if let one = open {
        // The traceback of a case.
        if line == "END" {
          found[one.name] = Outcome(word: "FAIL", details: one.lines.joined(separator: "\n"))
          open = nil
        } else {
          open = (one.name, one.lines + [String(line)])
        }
        continue
      }
      guard let word = ["PASS", "SKIP", "FAIL"].first(where: { line.hasPrefix($0 + " ") }) else { continue }
      let rest = line.dropFirst(5)
      guard let name = names.first(where: { rest == $0 || rest.hasPrefix($0 + " (") || rest.hasPrefix($0 + ": ") })
      else {
        continue
      }
      if word == "FAIL" { open = (name, []) } else { found[name] = Outcome(word: word, details: String(rest)) }
    }
    return found
  }()

  private static func run(_ arguments: [String]) -> (text: String, status: Int32) {
    let python = StackFixture.repository + "/.build/python/bin/python"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments =
      ["-B", "-u", StackFixture.repository + "/Tests/Clients/run.py", "--bin", StackFixture.executables] + arguments
    // Other tests change the environment of this process.
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = arguments.isEmpty ? output : FileHandle.nullDevice
    guard (try? process.run()) != nil else { return ("", -1) }
    // Nothing here takes longer; a hung case must not hang the suite.
    let watchdog = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 1800, execute: watchdog)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    watchdog.cancel()
    return (text, process.terminationStatus)
  }
}
