package import Contracts
package import Decider
internal import Postgres
package import Primitives

/// A run with its input and its output.
package struct RunRow: Sendable {
  /// Inputs and outputs that are larger than this are left out of lists.
  static let listedBytesMax = 16 << 10

  package let id: RunID
  package let task: TaskID
  package let project: ProjectID?
  package let workflow: String
  package let workflowVersion: Int
  package let version: Int
  package let status: RunState.Status
  package let isPaused: Bool
  package let parent: RunID?
  package let forkedFrom: RunID?
  package let createdAt: Timestamp
  package let startedAt: Timestamp?
  package let endedAt: Timestamp?
  package let usage: Usage
  package let failure: [UInt8]?
  package let input: [UInt8]
  package let output: [UInt8]?
  /// The trace of the submission, as a W3C header value.
  package let traceparent: String?
  /// Lists leave out large inputs and outputs.
  package var isInputLeftOut = false
  package var isOutputLeftOut = false

  package var effectiveStatus: String { isPaused && !status.isEnded ? "paused" : status.rawValue }

  /// Of a run `r` with its input `i` and its output `o`.
  static let columns = columns(
    input: "i.body", output: "o.body", isInputLeftOut: "false", isOutputLeftOut: "false")
  /// Without inputs and outputs that are large.
  static let listedColumns = columns(
    input: "case when length(i.body) <= \(listedBytesMax) then i.body end",
    output: "case when length(o.body) <= \(listedBytesMax) then o.body end",
    isInputLeftOut: "coalesce(length(i.body) > \(listedBytesMax), false)",
    isOutputLeftOut: "coalesce(length(o.body) > \(listedBytesMax), false)")
  /// Joins input and output.
  static let payloadJoins = """
    left join payload i on i.tenant_id = r.tenant_id and i.sha256 = r.input_sha256
    left join payload o on o.tenant_id = r.tenant_id and o.sha256 = r.output_sha256
    """

  private static func columns(
    input: String, output: String, isInputLeftOut: String, isOutputLeftOut: String
  ) -> ResultColumns<RunRow> {
    ResultColumns { column in
      let id = column("r.id", .uuid)
      let task = column("r.task_id", .uuid)
      let project = column(nullable: "r.project_id", .uuid)
      let workflow = column("r.workflow", .text)
      let workflowVersion = column("r.workflow_version", .int4)
      let version = column("r.version", .int4)
      let status = column("r.status", .text)
      let isPaused = column("r.is_paused", .bool)
      let parent = column(nullable: "r.parent_run", .uuid)
      let forkedFrom = column(nullable: "r.forked_from", .uuid)
      let createdAt = column("r.created_at", .timestamptz)
      let startedAt = column(nullable: "r.started_at", .timestamptz)
      let endedAt = column(nullable: "r.ended_at", .timestamptz)
      let usage = column.include(Usage.columns)
      let failure = column(nullable: "r.failure", .bytea)
      let input = column(nullable: input, .bytea)
      let output = column(nullable: output, .bytea)
      let traceparent = column(nullable: "r.traceparent", .text)
      let isInputLeftOut = column(isInputLeftOut, .bool)
      let isOutputLeftOut = column(isOutputLeftOut, .bool)
      return { row in
        RunRow(
          id: RunID(try row[id]), task: TaskID(try row[task]), project: try row[project].map { ProjectID($0) },
          workflow: try row[workflow], workflowVersion: Int(try row[workflowVersion]),
          version: Int(try row[version]), status: RunState.Status(rawValue: try row[status]) ?? .failed,
          isPaused: try row[isPaused], parent: try row[parent].map { RunID($0) },
          forkedFrom: try row[forkedFrom].map { RunID($0) }, createdAt: try row[createdAt],
          startedAt: try row[startedAt], endedAt: try row[endedAt], usage: try row[usage],
          failure: try row[failure], input: try row[input] ?? Array("null".utf8), output: try row[output],
          traceparent: try row[traceparent], isInputLeftOut: try row[isInputLeftOut],
          isOutputLeftOut: try row[isOutputLeftOut])
      }
    }
  }
}

extension Usage {
  /// Of a run `r`.
  static let columns = ResultColumns<Usage> { column in
    let inputTokens = column("r.input_tokens", .int8)
    let outputTokens = column("r.output_tokens", .int8)
    let cost = column("r.cost_microusd", .int8)
    let unpriced = column("r.unpriced_calls", .int8)
    let calls = column("r.model_calls", .int8)
    return { row in
      Usage(
        inputTokens: try row[inputTokens], outputTokens: try row[outputTokens], costMicroUSD: try row[cost],
        unpricedCalls: try row[unpriced], modelCalls: try row[calls])
    }
  }
}
