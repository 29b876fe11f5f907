import Foundation

/// A program that a test runs from the root of the project.
enum Script {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The folder of the executables that this test run has built.
  static let executables = root.appendingPathComponent(".build/debug").path

  /// Runs a program to its end; what it has written on both outputs, and its exit status.
  static func run(_ arguments: String..., environment: [String: String] = [:]) throws -> (status: Int32, text: String) {
    try run(arguments: arguments, environment: environment)
  }

  static func run(arguments: [String], environment: [String: String]) throws -> (status: Int32, text: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = arguments
    process.currentDirectoryURL = root
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
