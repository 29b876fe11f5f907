import CSandboxEngine
import SandboxProtocol

/// What the engine says about a run, as the report to the supervisor.
enum RunAnswer {
  static func report(of result: cadre_result, _ request: RunRequest, isKept: Bool) -> RunReport {
    var report = RunReport(id: request.id, outcome: outcome(of: result), keepsSession: isKept)
    if result.has_exit_code != 0 { report.exitCode = result.exit_code }
    let text = withUnsafeBytes(of: result.text) { $0.prefix { $0 != 0 } }
    if !text.isEmpty { report.trap = String(String(decoding: text, as: UTF8.self).prefix(60)) }
    report.standardOutput = output(result.outputs.0)
    report.standardError = output(result.outputs.1)
    if let start = result.result, result.result_count > 0 {
      report.result = RunCheck.result(Array(UnsafeBufferPointer(start: start, count: result.result_count)))
    }
    report.metering = metering(of: result, request, report)
    return report
  }

  private static func outcome(of result: cadre_result) -> RunOutcome {
    switch cadre_end(UInt32(clamping: result.end)) {
    case CADRE_ENDED:
      if result.is_output_limited != 0 { return .outputTruncated }
      return result.has_exit_code != 0 && result.exit_code != 0 ? .exitNonzero : .ok
    case CADRE_WALL: return .timeoutWall
    case CADRE_FUEL: return .timeoutCPU
    case CADRE_MEMORY: return .memory
    case CADRE_STACK: return .stack
    case CADRE_DISK: return .disk
    case CADRE_TRAP: return result.is_output_limited != 0 ? .outputTruncated : .trap
    default: return .sandboxError
    }
  }

  private static func output(_ output: cadre_output) -> RunOutput {
    guard let start = output.bytes else { return RunOutput(totalCount: output.total) }
    return RunOutput(
      bytes: Array(UnsafeBufferPointer(start: start, count: output.count)), headCount: output.head_count,
      totalCount: output.total)
  }

  private static func metering(of result: cadre_result, _ request: RunRequest, _ report: RunReport) -> RunMetering {
    var metering = RunMetering()
    metering.fuel = Int64(clamping: result.fuel)
    metering.cpuMicroseconds = max(0, result.cpu_us)
    metering.wallMicroseconds = max(0, result.wall_us)
    metering.peakMemoryBytes = max(0, result.peak_memory_bytes)
    metering.inputBytes = Int64(request.source.count + request.arguments.count + request.input.count)
    metering.outputBytes =
      report.standardOutput.totalCount + report.standardError.totalCount + Int64(report.result?.count ?? 0)
    metering.scratchBytes = max(0, result.scratch_bytes)
    metering.scratchFiles = max(0, result.scratch_files)
    return metering
  }
}
