import CSandboxEngine
package import SandboxProtocol

/// The loaded engine with the code that it has, and the guests of a session. One thread uses it.
package final class SandboxEngine {
  private let engine: OpaquePointer
  private let folder: EngineFolder
  private let modules: String?
  private let scratch: String
  private var code: [String: OpaquePointer] = [:]
  private var sessions: [SandboxRuntime: OpaquePointer] = [:]
  /// Instances that no program has run in.
  private var spares: [SandboxRuntime: OpaquePointer] = [:]
  /// Instances whose last run was reported.
  private var done: [OpaquePointer] = []

  /// Compiled modules that stay loaded.
  private static let modulesMax = 16
  /// Memory of a spare instance until it gets the limit of its run.
  private static let spareMemoryBytes: Int64 = 32 << 20

  /// Loads the engine. `scratch`: the folder that guests see. `modules`: where compiled modules are, named by digest.
  package init(folder: EngineFolder, scratch: String, modules: String? = nil) throws(EngineFolder.Unusable) {
    var text = [CChar](repeating: 0, count: Int(CADRE_ERROR_BYTES))
    guard let engine = cadre_engine_open(try folder.checkedPath(of: .library), 0, &text) else {
      throw EngineFolder.Unusable(CText.string(text))
    }
    self.engine = engine
    self.folder = folder
    self.scratch = scratch
    self.modules = modules
  }

  /// Loads the code of a language, so that the first run does not wait for it.
  package func load(_ runtime: SandboxRuntime) throws(EngineFolder.Unusable) { _ = try code(of: runtime, nil) }

  /// Runs a program that does nothing in an instance that is thrown away: the pages of the code are there, and the
  /// engine has made what it makes once, before the first job.
  package func warmUp(_ runtime: SandboxRuntime) {
    _ = run(RunRequest(id: "", runtime: runtime, source: Array("0".utf8)))
    dropDone()
    makeSpare(runtime)
  }

  /// Makes the instance of the first run. In that of Python an empty program has run, as in a session: most of a first
  /// run are the pages that it writes to first.
  private func makeSpare(_ runtime: SandboxRuntime) {
    guard runtime != .wasm, spares[runtime] == nil, let code = try? code(of: runtime, nil) else { return }
    var request = RunRequest(id: "", runtime: runtime, source: [])
    request.limits.memoryBytes = Self.spareMemoryBytes
    request.isSession = true
    var result = cadre_result()
    RunCall(request).with { call in
      guard let guest = cadre_guest_new(engine, code, scratch, &call, &result) else { return }
      if runtime == .python {
        cadre_guest_run(guest, &call, &result)
        guard result.is_alive != 0, result.end == Int32(CADRE_ENDED.rawValue) else { return cadre_guest_drop(guest) }
      }
      spares[runtime] = guest
    }
  }

  /// A spare instance with the limit of a run; `nil` when there is none, and for runs that say what the clock is.
  private func spare(for request: RunRequest) -> OpaquePointer? {
    guard request.deterministic == nil, request.limits.memoryBytes >= Self.spareMemoryBytes,
      let guest = spares.removeValue(forKey: request.runtime)
    else { return nil }
    cadre_guest_limit(guest, request.limits.memoryBytes)
    return guest
  }

  /// Gives back the memory of instances that are not needed any more. It takes a while, so a run is reported before.
  package func dropDone() {
    for guest in done { cadre_guest_drop(guest) }
    done = []
  }

  /// Runs a program. When its report is sent `dropDone` is due, before the next run.
  package func run(_ request: RunRequest) -> RunReport {
    if let refusal = RunCheck.refusal(of: request) {
      return RunReport(id: request.id, outcome: .denied, trap: refusal)
    }
    do throws(EngineFolder.Unusable) {
      let code = try code(of: request.runtime, request.module)
      return RunCall(request).with { run(request, code, &$0) }
    } catch {
      return RunReport(id: request.id, outcome: .sandboxError, trap: CText.beginning(error.reason, bytesMax: 200))
    }
  }

  private func run(_ request: RunRequest, _ code: OpaquePointer, _ call: inout cadre_request) -> RunReport {
    var result = cadre_result()
    let isSession = request.isSession && request.runtime != .wasm
    let kept = isSession ? sessions.removeValue(forKey: request.runtime) : nil
    guard let guest = kept ?? spare(for: request) ?? cadre_guest_new(engine, code, scratch, &call, &result) else {
      return RunAnswer.report(of: result, request, isKept: false)
    }
    cadre_guest_run(guest, &call, &result)
    var report = RunAnswer.report(of: result, request, isKept: isSession && result.is_alive != 0)
    if report.keepsSession, report.outcome.keepsWorker {
      sessions[request.runtime] = guest
    } else {
      report.keepsSession = false
      done.append(guest)
    }
    return report
  }

  private func code(of runtime: SandboxRuntime, _ digest: String?) throws(EngineFolder.Unusable) -> OpaquePointer {
    let name = digest ?? runtime.rawValue
    if let known = code[name] { return known }
    var text = [CChar](repeating: 0, count: Int(CADRE_ERROR_BYTES))
    let loaded: OpaquePointer?
    switch runtime {
    case .python:
      loaded = cadre_code_load(engine, CADRE_COMPONENT, try folder.checkedPath(of: .python), &text)
    case .javascript:
      loaded = cadre_code_load(engine, CADRE_REACTOR, try folder.checkedPath(of: .javascript), &text)
    case .wasm:
      loaded = cadre_code_load(engine, CADRE_COMMAND, try module(digest ?? ""), &text)
    }
    guard let loaded else { throw EngineFolder.Unusable(CText.string(text)) }
    if runtime == .wasm, code.count >= Self.modulesMax { dropModules() }
    code[name] = loaded
    return loaded
  }

  /// The path of a compiled module: native code, so only what has the digest that the supervisor has named is taken.
  /// Only the supervisor can write to the folder, so the file stays what it was when it was compared.
  private func module(_ digest: String) throws(EngineFolder.Unusable) -> String {
    guard let modules, RunRequest.isDigest(digest) else { throw EngineFolder.Unusable("there are no modules") }
    let path = "\(modules)/\(digest).cwasm"
    guard EngineFolder.identity(of: path) != nil else { throw EngineFolder.Unusable("the module is not there") }
    guard EngineFolder.digest(of: path) == digest else {
      throw EngineFolder.Unusable("the module is not what its name says")
    }
    return path
  }

  private func dropModules() {
    for (name, loaded) in code where SandboxRuntime(rawValue: name) == nil {
      cadre_code_drop(loaded)
      code[name] = nil
    }
  }

  /// Compiles an untrusted module. What is over the limits never reaches the compiler.
  package func compile(_ request: CompileRequest) -> CompileReport {
    do throws(ModuleInspection.Rejection) { _ = try ModuleInspection(request.module, request.limits) } catch {
      return CompileReport(id: request.id, rejection: error.reason)
    }
    var text = [CChar](repeating: 0, count: Int(CADRE_ERROR_BYTES))
    var compiled: UnsafeMutablePointer<UInt8>?
    var count = 0
    let start = cadre_cpu_us()
    let isDone =
      cadre_compile(engine, CADRE_COMMAND, request.module, request.module.count, &compiled, &count, &text) == 1
    let used = cadre_cpu_us() - start
    guard isDone, let compiled, count > 0 else {
      let reason = CText.string(text).prefix { $0 != "\n" }
      return CompileReport(
        id: request.id,
        rejection: reason.isEmpty ? "the module cannot be compiled" : CText.beginning(String(reason), bytesMax: 200),
        cpuMicroseconds: used)
    }
    defer { cadre_bytes_free(compiled) }
    return CompileReport(
      id: request.id, rejection: nil, compiled: Array(UnsafeBufferPointer(start: compiled, count: count)),
      cpuMicroseconds: used)
  }

  deinit {
    dropDone()
    for guest in sessions.values { cadre_guest_drop(guest) }
    for guest in spares.values { cadre_guest_drop(guest) }
    for loaded in code.values { cadre_code_drop(loaded) }
  }
}
