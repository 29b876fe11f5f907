internal import AgentTools
internal import Contracts
internal import SandboxProtocol

/// What a model reads of a job. What a guest has written stands between marks, as data.
enum SandboxAnswer {
  private static let outputBytesMax = 16 << 10
  private static let errorBytesMax = 6 << 10
  private static let resultBytesMax = 16 << 10
  private static let namesMax = 64

  /// The text.
  static func text(
    _ result: SandboxResult, stored: [ArtefactReference], unstored: [(name: String, reason: String)],
    isSession: Bool, retryAfterMilliseconds: Int64
  ) -> String {
    var parts: [String] = []
    if let failure = sentence(result, retryAfterMilliseconds) { parts.append("error: \(failure)") }
    let report = result.report
    if !report.standardOutput.bytes.isEmpty {
      parts.append("stdout:\n" + OutputText.excerpt(report.standardOutput, bytesMax: outputBytesMax))
    }
    if !report.standardError.bytes.isEmpty {
      parts.append("stderr:\n" + OutputText.excerpt(report.standardError, bytesMax: errorBytesMax))
    }
    if let value = report.result {
      let text = OutputText.clean(value.prefix(resultBytesMax))
      parts.append("result: \(text)" + (value.count > resultBytesMax ? " [... cut]" : ""))
    }
    if !stored.isEmpty {
      let names = stored.prefix(namesMax).map { "\($0.name) (\($0.bytes) bytes, \($0.mediaType))" }
      parts.append("artefacts: " + names.joined(separator: ", "))
    }
    if !unstored.isEmpty {
      let names = unstored.prefix(namesMax).map { "\(OutputText.clean($0.name.utf8)) (\($0.reason))" }
      parts.append("files that were not kept: " + names.joined(separator: ", "))
    }
    if isSession, case .ran = result.ending, !result.report.keepsSession {
      parts.append("The session has ended: the next call begins with no variables.")
    }
    if parts.isEmpty { parts.append("(the code ended without output)") }
    return parts.joined(separator: "\n\n")
  }

  /// What went wrong, and what helps; `nil` when nothing did.
  static func sentence(_ result: SandboxResult, _ retryAfterMilliseconds: Int64) -> String? {
    switch result.ending {
    case .refused(.cannotStart), .unavailable: "the sandbox is not available"
    case .refused: "the sandbox is busy; try again in \(max(1, retryAfterMilliseconds / 1000)) s"
    case .ran(let outcome):
      switch outcome {
      case .ok: nil
      case .exitNonzero: "the code ended with status \(result.report.exitCode ?? 1)"
      case .timeoutWall: "the code took too long and was ended"
      case .timeoutCPU: "the code used too much processor time and was ended"
      case .memory: "the code used more memory than it may"
      case .stack: "the code recursed too deeply"
      case .outputTruncated: "the code wrote more output than it may and was ended"
      case .disk: "the code wrote more files or bytes than it may"
      case .trap: "the code ended by a trap" + (result.report.trap.map { ": \(OutputText.clean($0.utf8))" } ?? "")
      case .compileRejected: "the module cannot be used"
      case .denied: "the code tried what the sandbox does not allow"
      case .sandboxError: "the sandbox failed; the code may be run again"
      case .cancelled: "the run was cancelled"
      }
    }
  }
}
