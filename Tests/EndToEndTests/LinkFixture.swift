import Foundation
import LocalStack
import Testing

/// Links between processes that a test can disturb (`Tests/Faults/links.py`).
final class LinkFixture {
  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var pending = ""
  /// What a link is reached at: a port, or the path of a socket.
  private(set) var addresses: [String: String] = [:]

  /// Starts a link for each target: `host:port` or the path of a Unix socket.
  init(_ targets: KeyValuePairs<String, String>) throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["python3", "-B", "-u", root.appendingPathComponent("Faults/links.py").path]
      + targets.map { "\($0.key)=\($0.value)" }
    process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    for _ in targets {
      let words = try line().split(separator: " ")
      addresses[String(try #require(words.first))] = String(try #require(words.last))
    }
  }

  /// The port of a link.
  func port(_ name: String) -> Int { addresses[name].flatMap { Int($0) } ?? 0 }

  /// Changes a link, for example to `delay 500`, `cut` or `pass`.
  func set(_ name: String, _ mode: String) throws {
    input.fileHandleForWriting.write(Data("\(name) \(mode)\n".utf8))
    #expect(try line() == "ok")
  }

  func stop() {
    try? input.fileHandleForWriting.close()
    process.terminate()
    process.waitUntilExit()
  }

  private func line() throws -> String {
    while true {
      if let end = pending.firstIndex(of: "\n") {
        defer { pending = String(pending[pending.index(after: end)...]) }
        return String(pending[..<end])
      }
      let more = output.fileHandleForReading.availableData
      guard !more.isEmpty else { throw StackError("the links have ended") }
      pending += String(decoding: more, as: UTF8.self)
    }
  }
}
