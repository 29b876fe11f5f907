package import SandboxProtocol

/// The command line of a worker: `MODE --engine-folder PATH [--control N] [--scratch PATH] [--modules PATH]
/// [--load RUNTIME]... [--verified PLACE=IDENTITY]...`.
package struct WorkerOptions: Hashable, Sendable {
  /// What the process does.
  package enum Mode: String, Sendable {
    /// Takes runs.
    case run
    /// Takes modules to compile.
    case compile
    /// Compares the engine folder with its manifest, writes the identities to stdout and ends.
    case verify
  }

  /// A command line that is not understood.
  package struct Fault: Error, Hashable, Sendable {
    package let reason: String
  }

  package var mode: Mode
  package var engineFolder = ""
  package var control: CInt = 3
  package var scratch = "/"
  package var modules: String?
  package var loaded: [SandboxRuntime] = []
  package var verified: [String: String] = [:]

  package init(_ arguments: [String]) throws(Fault) {
    guard let mode = arguments.first.flatMap(Mode.init) else {
      throw Fault(reason: "the mode is run, compile or verify")
    }
    self.mode = mode
    var rest = arguments.dropFirst()
    while let name = rest.popFirst() {
      guard let value = rest.popFirst() else { throw Fault(reason: "\(name) has no value") }
      switch name {
      case "--engine-folder": engineFolder = value
      case "--scratch": scratch = value
      case "--modules": modules = value
      case "--control":
        guard let number = CInt(value), number > 2 else { throw Fault(reason: "\(value) is no descriptor") }
        control = number
      case "--load":
        guard let runtime = SandboxRuntime(rawValue: value) else { throw Fault(reason: "there is no runtime \(value)") }
        loaded.append(runtime)
      case "--verified":
        let parts = value.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { throw Fault(reason: "\(value) is no identity") }
        verified[parts[0]] = parts[1]
      default: throw Fault(reason: "there is no option \(name)")
      }
    }
    guard !engineFolder.isEmpty else { throw Fault(reason: "--engine-folder is missing") }
    guard mode != .run || scratch != "/" else { throw Fault(reason: "--scratch is missing") }
  }
}
