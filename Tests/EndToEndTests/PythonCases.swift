import Foundation
import Synchronization

/// Cases in Python: a program that lists them by name, and runs all of them with a line for each.
final class PythonCases: Sendable {
  struct Outcome: Sendable {
    /// `PASS`, `SKIP` or `FAIL`.
    let word: String
    let details: String
  }

  /// The names, in the order in which the cases run.
  let names: [String]
  private let environment: String
  private let script: String
  private let ran: Mutex<String?> = Mutex(nil)

  /// `environment` is the folder below `.build` with the interpreter, `script` the program.
  init(environment: String, script: String) {
    self.environment = environment
    self.script = script
    names = PythonCases.run(environment, script, ["--list"]).split(separator: "\n").map(String.init)
  }

  /// What the program said; it runs once.
  private var text: String {
    ran.withLock { ran in
      let text = ran ?? PythonCases.run(environment, script, [])
      ran = text
      return text
    }
  }

  /// What the program said at its end.
  var end: String { String(text.suffix(2000)) }

  var outcomes: [String: Outcome] {
    var found: [String: Outcome] = [:]
    var open: (name: String, lines: [String])?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
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
  }

  private static func run(_ environment: String, _ script: String, _ arguments: [String]) -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: StackFixture.repository + "/.build/\(environment)/bin/python")
    process.arguments =
      ["-B", "-u", StackFixture.repository + "/" + script, "--bin", StackFixture.executables] + arguments
    // Other tests change the environment of this process.
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": "/tmp", "LANG": "C.UTF-8"]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = arguments.isEmpty ? output : FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "" }
    // Nothing here takes longer; a hung case must not hang the suite.
    let watchdog = DispatchWorkItem { process.terminate() }
    DispatchQueue.global().asyncAfter(deadline: .now() + 1800, execute: watchdog)
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    watchdog.cancel()
    return text
  }
}
