internal import APIKit
internal import Contracts
internal import Decider
internal import HTTP
internal import HTTPWire
internal import JSON
internal import Primitives
internal import RunEngine
internal import RunStorage

/// How tasks and runs look over HTTP.
enum TaskDocuments {
  static func write(task row: TaskRow, _ tracing: RunTracing, to writer: inout JSONWriter) {
    writer.member("id", row.task.description)
    writer.member("status", row.run.effectiveStatus)
    writer.member("title", orNull: row.title)
    writer.member("description", row.description)
    writer.member("project_id", orNull: row.project?.description)
    writer.member("labels", raw: row.labels)
    writer.member("assignee", orNull: row.assignee)
    writer.member("priority", Int64(row.priority))
    writer.member("due_at", orNull: row.dueAt?.description)
    writer.member("version", Int64(row.version))
    writer.member("created_at", row.createdAt.description)
    writer.member("created_by", row.createdBy)
    writer.member("updated_at", row.updatedAt.description)
    writer.member("archived_at", orNull: row.archivedAt?.description)
    writer.key("input")
    writer.raw(row.run.input)
    if row.run.isInputLeftOut { writer.member("input_truncated", true) }
    writer.key("run")
    writer.beginObject()
    write(run: row.run, tracing, to: &writer)
    writer.endObject()
  }

  static func write(run row: RunRow, _ tracing: RunTracing, to writer: inout JSONWriter) {
    writer.member("id", row.id.description)
    writer.member("task_id", row.task.description)
    writer.member("project_id", orNull: row.project?.description)
    writer.member("status", row.effectiveStatus)
    writer.member("workflow", row.workflow)
    writer.member("workflow_version", Int64(row.workflowVersion))
    writer.member("version", Int64(row.version))
    writer.member("parent_run_id", ifPresent: row.parent?.description)
    writer.member("forked_from", ifPresent: row.forkedFrom?.description)
    writer.member("created_at", row.createdAt.description)
    writer.member("started_at", orNull: row.startedAt?.description)
    writer.member("ended_at", orNull: row.endedAt?.description)
    if let ended = row.endedAt { writer.member("duration_ms", (ended - row.createdAt).milliseconds) }
    if let trace = tracing.trace(of: row.traceparent) {
      writer.member("trace_id", trace.id)
      writer.member("trace_url", ifPresent: trace.address)
    }
    writer.key("usage")
    writer.beginObject()
    writer.member("input_tokens", row.usage.inputTokens)
    writer.member("output_tokens", row.usage.outputTokens)
    writer.member("cost_microusd", row.usage.costMicroUSD)
    writer.member("model_calls", row.usage.modelCalls)
    writer.member("unpriced_calls", row.usage.unpricedCalls)
    writer.endObject()
    writer.key("result")
    if let output = row.output { writer.raw(output) } else { writer.null() }
    if row.isOutputLeftOut { writer.member("result_truncated", true) }
    writer.key("failure")
    if let failure = row.failure, let view = try? JSONDocument(parsing: failure).root {
      writer.beginObject()
      writer.member("code", view["code"]?.string ?? "unknown")
      writer.member("message", view["message"]?.string ?? "")
      writer.endObject()
    } else {
      writer.null()
    }
  }

  static func write(event row: EventRow, of run: RunID, to writer: inout JSONWriter) {
    writer.member("seq", Int64(row.sequence))
    writer.member("run_id", run.description)
    writer.member("at", row.at.description)
    writer.member("type", row.type)
    writer.member("step", orNull: row.step)
    if let step = row.step { writer.member("step_id", StepID.of(run, step: step).description) }
    writer.key("data")
    writer.raw(row.data)
  }

  static func response(_ status: HTTPStatus, task row: TaskRow, _ tracing: RunTracing) -> HTTPResponse {
    var response = HTTPResponse.json(status) { write(task: row, tracing, to: &$0) }
    response.setVersion(row.version)
    return response
  }
}
