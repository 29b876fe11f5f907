import CSandboxEngine
import Glibc
import JSON
import SandboxProtocol

/// What a worker does from its start to its end.
package enum WorkerProcess {
  /// Statuses of the process. The supervisor reads them when there is no report.
  package enum Status {
    package static let ended: CInt = 0
    /// The command line is wrong.
    package static let usage: CInt = 64
    /// The engine folder is missing or not what its manifest says.
    package static let noEngine: CInt = 78
    /// The supervisor is gone or has sent what is no frame.
    package static let noSupervisor: CInt = 74
  }

  /// Runs with the arguments of the process until the supervisor closes its end; the status of the process.
  package static func run() -> CInt {
    let count = cadre_argument_count()
    // The standard library would read them from /proc, which the jail hides.
    let arguments = (0..<max(1, count)).dropFirst().compactMap { cadre_argument($0).map { String(cString: $0) } }

    cadre_handle_signals()
    do throws(WorkerOptions.Fault) {
      let options = try WorkerOptions(arguments)
      return onLargeStack { serve(options) }
    } catch {
      write(error.reason)
      return Status.usage
    }
  }

  private static func serve(_ options: WorkerOptions) -> CInt {
    do throws(EngineFolder.Unusable) {
      let folder = try EngineFolder(options.engineFolder, verified: options.verified)
      if options.mode == .verify { return verify(folder) }
      let engine = try SandboxEngine(folder: folder, scratch: options.scratch, modules: options.modules)
      for runtime in options.loaded { try engine.load(runtime) }
      return serve(options, engine)
    } catch {
      write(error.reason)
      return Status.noEngine
    }
  }

  private static func serve(_ options: WorkerOptions, _ engine: SandboxEngine) -> CInt {
    var channel = ControlChannel(descriptor: options.control, bytesMax: 40 << 20)
    do {
      let ready = WorkerReady(
        engine: String(cString: cadre_engine_version()), runtimes: options.loaded.map(\.rawValue))
      try channel.send(ready.frame)
      // A worker that nobody waits for runs something small before its first job.
      if options.mode == .run, !channel.hasInput(withinMilliseconds: 2) {
        for runtime in options.loaded { engine.warmUp(runtime) }
      }
      while let frame = try channel.next() {
        switch options.mode {
        case .compile: try channel.send(engine.compile(CompileRequest(frame)).frame)
        default: try channel.send(engine.run(RunRequest(frame)).frame)
        }
        engine.dropDone()
      }
      return Status.ended
    } catch {
      if let error = error as? SandboxMessageError { write(error.reason) }
      return Status.noSupervisor
    }
  }

  private static func verify(_ folder: EngineFolder) -> CInt {
    do throws(EngineFolder.Unusable) {
      var writer = JSONWriter()
      writer.beginObject()
      for (place, identity) in try folder.verify().sorted(by: { $0.key < $1.key }) { writer.member(place, identity) }
      writer.endObject()
      writer.bytes.withUnsafeBytes { _ = Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
      return Status.ended
    } catch {
      write(error.reason)
      return Status.noEngine
    }
  }

  /// Writes a line for the log of the supervisor.
  private static func write(_ reason: String) {
    let line = Array("sandbox-worker: \(reason)\n".utf8)
    line.withUnsafeBytes { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }

  private final class Work {
    let body: () -> CInt
    var status = Status.noEngine

    init(_ body: @escaping () -> CInt) { self.body = body }
  }

  private static func onLargeStack(_ body: @escaping () -> CInt) -> CInt {
    let work = Work(body)
    let pointer = Unmanaged.passRetained(work)
    defer { pointer.release() }
    let reason = cadre_run_on_large_stack(
      { data in
        guard let data else { return }
        let work = Unmanaged<Work>.fromOpaque(data).takeUnretainedValue()
        work.status = work.body()
      }, pointer.toOpaque())
    return reason == 0 ? work.status : Status.noEngine
  }
}
