internal import Contracts
package import Decider
internal import Postgres

/// How a run has ended.
package struct RunEnd: Sendable {
  package let status: RunState.Status
  package let output: [UInt8]?
  package let failure: Failure?

  /// Of a run `r` with its output `o`.
  static let columns = ResultColumns<RunEnd> { column in
    let status = column("r.status", .text)
    let output = column(nullable: "o.body", .bytea)
    let code = column(nullable: "r.failure->>'code'", .text)
    let message = column(nullable: "r.failure->>'message'", .text)
    return { row in
      let message = try row[message] ?? ""
      return RunEnd(
        status: RunState.Status(rawValue: try row[status]) ?? .failed, output: try row[output],
        failure: try row[code].map { Failure(code: $0, message: message, isRetryable: false) })
    }
  }
}
