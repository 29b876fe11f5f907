internal import SandboxProtocol

/// Escapes that are tried before code of tenants is run. Each program prints `contained` when it was stopped; anything
/// else fails the test, so that a runtime that does not work is found as well.
package struct SandboxSelfTest: Sendable {
  /// One escape.
  package struct Canary: Sendable {
    /// A word for logs.
    let name: String
    let kind: WorkerKind
    let source: String
  }

  /// What came of it.
  package enum Verdict: Sendable, Hashable {
    /// All escapes were stopped.
    case contained
    /// An escape has succeeded: its name.
    case escaped(String)
    /// It could not be tried: its name, and how the job ended.
    case failed(String, String)
  }

  /// A file outside of every scratch folder, which this process can read.
  private let canaryPath: String
  private let usesNativePython: Bool

  /// A test that looks for a file at `canaryPath`, among others.
  package init(canaryPath: String, usesNativePython: Bool) {
    self.canaryPath = canaryPath
    self.usesNativePython = usesNativePython
  }

  /// Runs all canaries; the first that is not contained ends it.
  package func run(on supervisor: SandboxSupervisor) async -> Verdict {
    for canary in canaries {
      var limits = RunLimits()
      limits.wallMilliseconds = 5000
      let job = SandboxJob(
        session: SessionKey(tenant: "", scope: "self-test"), kind: canary.kind,
        request: RunRequest(
          id: "", runtime: canary.kind == .javascript ? .javascript : .python, source: Array(canary.source.utf8),
          limits: limits))
      let result = await supervisor.runUnchecked(job).result
      let output = String(decoding: result.report.standardOutput.bytes, as: UTF8.self)
      if output.contains("escaped") { return .escaped(canary.name) }
      guard result.ending == .ran(.ok), output.contains("contained") else {
        return .failed(canary.name, result.code)
      }
    }
    supervisor.endSession(SessionKey(tenant: "", scope: "self-test"))
    return .contained
  }

  private var canaries: [Canary] {
    SandboxSelfTest.python(.python, canaryPath) + SandboxSelfTest.javascript
      + (usesNativePython ? SandboxSelfTest.python(.nativePython, canaryPath) : [])
  }

  private static func python(_ kind: WorkerKind, _ canaryPath: String) -> [Canary] {
    let attempts: [(String, String)] = [
      ("host_file", "open('/etc/passwd').read()"),
      ("other_folder", "open('\(canaryPath)').read()"),
      ("parent_folder", "open('../' * 12 + '\(canaryPath.drop { $0 == "/" })').read()"),
      ("process_files", "open('/proc/self/environ').read()"),
      ("link", "(os.symlink('/etc/passwd', 'l'), open('l').read())"),
      ("host_folder", "os.listdir('/etc')"),
      ("write_outside", "open('/tmp/cadre-escape', 'w').write('x')"),
      ("network", "socket.create_connection(('127.0.0.1', 9), 1)"),
      ("datagram", "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))"),
      ("fork", "os.fork()"),
      ("program", "os.posix_spawn('/bin/true', ['true'], {})"),
      ("environment", "os.environ['HOME']"),
    ]
    return attempts.map { name, expression in
      // A refused connection means that the network was reached.
      Canary(
        name: "\(kind.rawValue)_\(name)", kind: kind,
        source: """
          import os, socket
          try:
              \(expression)
              print('escaped')
          except ConnectionRefusedError:
              print('escaped')
          except BaseException:
              print('contained')

          """)
    }
  }

  private static let javascript = [
    Canary(
      name: "javascript_host_modules", kind: .javascript,
      source: """
        console.log(["std", "os", "require", "process", "Worker"].some((n) => n in globalThis) ? "escaped" : "contained")
        """)
  ]
}
