package import Contracts
internal import Postgres

/// A step that no worker took in time.
package struct ExpiredStep: Sendable {
  package let run: RunID
  package let step: String
  package let attempt: Int

  static let columns = ResultColumns<ExpiredStep> { column in
    let run = column("run_id", .uuid)
    let step = column("step", .text)
    let attempt = column("attempt", .int4)
    return { row in ExpiredStep(run: RunID(try row[run]), step: try row[step], attempt: Int(try row[attempt])) }
  }
}
