package import Contracts
package import Decider
internal import Postgres
internal import Primitives

/// Where a sub-run stands.
package struct ChildEnd: Sendable {
  package let status: RunState.Status
  package let output: PayloadRef?
  package let failure: Failure?
  package let usage: Usage

  /// Of a run `r` with its output `o`.
  static let columns = ResultColumns<ChildEnd> { column in
    let status = column("r.status", .text)
    let sha256 = column(nullable: "r.output_sha256", .bytea)
    let bytes = column(nullable: "octet_length(o.body)", .int4)
    let code = column(nullable: "r.failure->>'code'", .text)
    let message = column(nullable: "r.failure->>'message'", .text)
    let isRetryable = column(nullable: "r.failure->>'retryable'", .text)
    let usage = column.include(Usage.columns)
    return { row in
      var output: PayloadRef?
      if let digest = try row[sha256], let bytes = try row[bytes] {
        output = PayloadRef(sha256: Hex.encode(digest), bytes: Int(bytes))
      }
      let message = try row[message] ?? ""
      let isRetryable = try row[isRetryable] == "true"
      return ChildEnd(
        status: RunState.Status(rawValue: try row[status]) ?? .failed, output: output,
        failure: try row[code].map { Failure(code: $0, message: message, isRetryable: isRetryable) },
        usage: try row[usage])
    }
  }

  /// What its end without a result means for the step that waits for it. A sub-run whose time was over may do better
  /// the next time; one that was cancelled is not begun again.
  package func failure(of run: RunID) -> Failure {
    guard let failure else {
      return Failure(code: "child_cancelled", message: "The sub-run \(run) was cancelled.", isRetryable: false)
    }
    return Failure(
      code: failure.code, message: "Sub-run \(run): \(failure.message)",
      isRetryable: failure.isRetryable || failure.code == Failure.runTimedOut.code)
  }
}
