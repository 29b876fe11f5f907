import Glibc
import SandboxProtocol
import SandboxWorker
import Testing

/// A worker in the jail, as the supervisor uses it.
final class JailedWorker {
  let jailed: JailedProcess
  let layers: SandboxLayers
  let ready: WorkerReady
  let modules: String

  /// Identities of the files of the engine, compared with the manifest once.
  private static let verified: [String: String] = (try? EngineFolder(Installation.engine).verify()) ?? [:]

  init(_ mode: String = "run", load: [String] = [], jail: [String] = [], modules: String? = nil) throws {
    let folder = try modules ?? Self.newFolder()
    self.modules = folder
    let options = (Installation.readable + [folder]).flatMap { ["--read", $0] } + jail
    jailed = try JailedProcess(
      profile: mode == "run" ? "wasm-run" : "wasm-compile", user: Installation.user, jail: options
    ) { scratch in
      [Installation.worker, mode, "--engine-folder", Installation.engine, "--scratch", scratch, "--modules", folder]
        + load.flatMap { ["--load", $0] } + Self.verified.flatMap { ["--verified", "\($0.key)=\($0.value)"] }
    }
    layers = try SandboxLayers(#require(try jailed.next()))
    let frame = try #require(try jailed.next(), "the worker starts")
    ready = try WorkerReady(frame)
  }

  private static func newFolder() throws -> String {
    var name = Array("/tmp/cadre-sandbox-modules-XXXXXX".utf8CString)
    guard mkdtemp(&name) != nil else { throw JailedProcess.Broken("mkdtemp") }
    let path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    chmod(path, 0o755)
    return path
  }

  /// Runs something; `nil` when the worker has ended instead of answering.
  func run(
    _ runtime: SandboxRuntime, _ source: String = "", module: String? = nil, arguments: String = "null",
    input: String = "", deterministic: RunRequest.Deterministic? = nil, isSession: Bool = false,
    _ change: (inout RunLimits) -> Void = { _ in }
  ) throws -> RunReport {
    var request = RunRequest(
      id: "run", runtime: runtime, source: Array(source.utf8), module: module, arguments: Array(arguments.utf8),
      input: Array(input.utf8), deterministic: deterministic, isSession: isSession)
    request.limits.wallMilliseconds = 60_000
    change(&request.limits)
    try jailed.send(request.frame.encoded())
    let report = try RunReport(#require(try jailed.next(), "the worker answers"))
    #expect(report.id == "run")
    return report
  }

  /// Compiles a module.
  func compile(_ bytes: [UInt8], _ limits: ModuleLimits = ModuleLimits()) throws -> CompileReport {
    try jailed.send(CompileRequest(id: "compile", module: bytes, limits: limits).frame.encoded())
    return try CompileReport(#require(try jailed.next(), "the worker answers"))
  }

  deinit {
    jailed.wait()
    if let stream = opendir(modules) {
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink("\(modules)/\(name)")
      }
      closedir(stream)
    }
    rmdir(modules)
  }
}

/// Files that tests read and write.
enum TestFile {
  static func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&piece, 1, piece.count, file)
      if count == 0 { return bytes }
      bytes += piece[0..<count]
    }
  }

  static func write(_ bytes: [UInt8], _ path: String) {
    guard let file = fopen(path, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    chmod(path, 0o644)
  }
}

extension RunReport {
  var output: String { String(decoding: standardOutput.bytes, as: UTF8.self) }
  var errors: String { String(decoding: standardError.bytes, as: UTF8.self) }
  var resultText: String? { result.map { String(decoding: $0, as: UTF8.self) } }
}
