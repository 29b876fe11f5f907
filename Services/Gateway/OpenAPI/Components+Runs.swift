internal import JSON

/// Schemas of tasks, runs, steps, events, approvals and questions.
enum RunSchemas {
  static let statuses = ["pending", "running", "paused", "compensating", "succeeded", "failed", "cancelled"]
  static let overlaps = ["skip", "allow", "queue_one", "cancel_other"]

  static let all: [(String, Schema)] =
    [
      ("NewTask", newTask), ("TaskChange", taskChange), ("Task", task), ("TaskPage", .page("tasks", .ref("Task"))),
      ("Run", run), ("RunPage", .page("runs", .ref("Run"))), ("Usage", usage), ("Failure", failure),
      ("RunEvent", event), ("RunEventPage", eventPage), ("Step", step), ("StepWithWait", stepWithWait),
      ("StepPage", .page("steps", .ref("Step"))), ("StepCall", call),
      ("StepCallPage", .page("calls", .ref("StepCall"))),
      ("StepBelief", .object([need("step_id", .id("step")), need("belief", .any)])),
    ] + changes + answers

  private static let description = Schema.text(64 << 10)
  private static let labels = Schema.list(.text(100), 50)
  private static let priority = Schema.int(-10...10)

  private static let newTask = Schema.object(
    [
      may("prompt", .text(512 << 10, min: 1), "What is to be done; required without `input`."),
      may("workflow", .text(64, min: 1).standard(.string("single")), "The name of a workflow."),
      may("workflow_version", .int(1...1_000_000), "Its version, by default the newest."),
      may("input", .free, "Further members of the run's input."),
      may("system", .text(64 << 10, min: 1), "The system prompt of agents."),
      may("model", .text(200, min: 1), "A model, alias or tier of the llm-router."),
      may("max_output_tokens", .int(1...1_000_000)),
      may("project_id", .id("project"), "A project that is not archived."),
      may("artefacts", .list(.id("artefact"), 256), "Files that the run has from its beginning, each name once."),
      may("title", .text(500, min: 1)), may("description", description), may("labels", labels),
      may("assignee", .text(200, min: 1)), may("due_at", .time),
      may("priority", priority, "Each counts as a minute of waiting; more is sooner."),
    ], isSent: true
  ).example(##"{"prompt": "Summarise the report in three sentences.", "title": "Summary", "labels": ["report"]}"##)

  private static let taskChange = Schema.object(
    [
      may("title", Schema.text(500, min: 1).orNull), may("description", description), may("labels", labels),
      may("assignee", Schema.text(200, min: 1).orNull), may("due_at", Schema.time.orNull), may("priority", priority),
      may("archived", .flag),
    ], isSent: true
  ).example(#"{"title": "Summary of the report", "priority": 5}"#)

  private static let task = Schema.object([
    need("id", .id("task")), need("status", .words(statuses)), need("title", Schema.text().orNull),
    need("description", .text()), need("project_id", Schema.id("project").orNull), need("labels", .list(.text())),
    need("assignee", Schema.text().orNull), need("priority", priority), need("due_at", Schema.time.orNull),
    need("version", .int(), "Grows with every change; also the `ETag`."), need("created_at", .time),
    need("created_by", .text()), need("updated_at", .time), need("archived_at", Schema.time.orNull),
    need("input", .any, "`null` in lists when it is large."), may("input_truncated", .flag),
    need("run", .ref("Run"), "The newest run of the task."),
  ])

  private static let run = Schema.object([
    need("id", .id("run")), need("task_id", .id("task")), need("project_id", Schema.id("project").orNull),
    need("status", .words(statuses)), need("workflow", .text()), need("workflow_version", .int()),
    need("version", .int(), "The number of its newest event."),
    may("parent_run_id", .id("run")), may("forked_from", .id("run")), need("created_at", .time),
    need("started_at", Schema.time.orNull), need("ended_at", Schema.time.orNull), may("duration_ms", .count),
    may("trace_id", .text()), may("trace_url", .text()), need("usage", .ref("Usage")),
    need("result", .any, "The output; `null` before the end, and in lists when it is large."),
    may("result_truncated", .flag), need("failure", Schema.ref("Failure").orNull),
  ])

  private static let usage = Schema.object([
    need("input_tokens", .count), need("output_tokens", .count), need("cost_microusd", .count),
    need("model_calls", .count),
    need("unpriced_calls", .count, "Calls whose price is unknown: the cost is a lower bound."),
  ])

  private static let failure = Schema.object([need("code", .text()), need("message", .text())])

  private static let event = Schema.object([
    need("seq", .int(1...Int64(Int32.max)), "Counts from 1 without gaps."), need("run_id", .id("run")),
    need("at", .time), need("type", .text(), "For example `step.started`."), need("step", Schema.text().orNull),
    may("step_id", .id("step")), need("data", .free),
  ])

  private static let eventPage = Schema.object([
    need("events", .list(.ref("RunEvent"))),
    need("next_after", Schema.int().orNull, "The `after` of the next page; `null` behind the newest event."),
  ])

  private static let stepMembers: [Member] = [
    need("id", .id("step")), need("run_id", .id("run")), need("key", .text()),
    need(
      "status",
      .words([
        "blocked", "ready", "leased", "waiting", "expanded", "succeeded", "failed", "skipped", "abandoned",
      ])),
    need("attempt", .int()), need("agent", Schema.text().orNull),
    need("model", Schema.text().orNull, "The model that the step asks for."),
    may("worker", .text()), may("part_of", .text()), may("child_run_id", .id("run")),
    need("output_sha256", Schema.text().orNull), need("failure", Schema.ref("Failure").orNull),
  ]

  private static let step = Schema.object(stepMembers)

  private static let wait = Schema.object(
    [
      need(
        "kind",
        .words([
          "steps", "turn", "parts", "time", "worker", "limit", "lock", "signal", "approval", "answers", "run", "resume",
          "orchestrator",
        ]))
    ], isOpen: true)

  private static let stepWithWait = Schema.object(stepMembers + [need("waiting_for", wait.orNull)])

  private static let call = Schema.object([
    need("seq", .int()), need("at", .time), need("attempt", .int()),
    need("kind", .words(["model", "tool", "intent", "note"])), need("index", .int()), need("name", .text()),
    need("request_sha256", .text()), need("dropped", .flag, "Later attempts do not get it any more."),
    need("result", .any), may("result_truncated", .flag), need("result_sha256", .text()), need("result_bytes", .count),
    need("usage", .ref("Usage")), need("duration_ms", .count),
  ])

  private static let changes: [(String, Schema)] = [
    ("Cancellation", .object([may("reason", .text(1000))], isSent: true)),
    ("Signal", signal), ("SignalReceipt", .object([need("id", .text()), need("repeated", .flag)])),
    ("BulkCancellation", bulk), ("BulkCancellationResult", bulkResult), ("ReplayReport", replay),
    ("Continuation", .object([may("changes", .list(.ref("StepChange"), 50))], isSent: true)),
    ("Fork", fork), ("StepChange", stepChange), ("RunBundle", bundle),
  ]

  private static let signal = Schema.object(
    [
      need("name", .text(64, min: 1)), may("id", .text(200, min: 1), "The same id again changes nothing."),
      may("data", .any),
    ], isSent: true
  ).example(#"{"name": "delivered", "data": {"parcel": 7}}"#)

  private static let bulk = Schema.object(
    [
      may("workflow", .text(64, min: 1)), may("status", .words(["pending", "running", "paused", "compensating"])),
      may("project_id", .id("project")), may("all", .flag), may("reason", .text(1000)),
    ], isSent: true
  ).example(#"{"status": "paused", "reason": "no longer needed"}"#)

  private static let bulkResult = Schema.object([
    need("cancelled", .count), need("compensating", .count), need("failed", .count),
    need("remaining", .flag, "Whether a run that fits is still open."),
  ])

  private static let replay = Schema.object([
    need("run_id", .id("run")), need("verdict", .words(["consistent", "inconsistent"])), need("events", .count),
    need("facts_replayed", .count), need("final_status", .text()),
    need("checks", .list(.object([need("name", .text()), need("ok", .flag), may("fault", .text())]))),
    need("first_divergence", Schema.free.orNull),
  ])

  private static let stepChange = Schema.object(
    [
      need("step", .text(200, min: 1)), may("agent", .text(100, min: 1)), may("model", .text(200, min: 1)),
      may("input", .any),
    ], isSent: true)

  private static let fork = Schema.object(
    [
      may("from_step", .text(200, min: 1), "Exactly one of `from_step` and `at_seq`."),
      may("at_seq", .int(1...Int64(Int32.max))), may("changes", .list(.ref("StepChange"), 50)),
    ], isSent: true
  ).example(#"{"from_step": "answer", "changes": [{"step": "answer", "model": "tier:large"}]}"#)

  private static let bundle = Schema.object(
    [
      need("format", .text()), need("version", .int()), need("run_id", .id("run")), need("status", .text()),
      need("workflow", .free), need("workflow_version", .int()), need("events", .list(.free)), need("payloads", .free),
    ], isOpen: true)

  private static let answers: [(String, Schema)] = [
    ("Approval", approval), ("ApprovalPage", .page("approvals", .ref("Approval"))), ("Decision", decision),
    ("CallOutcome", outcome), ("Question", question), ("QuestionPage", .page("questions", .ref("Question"))),
    (
      "QuestionAnswer",
      .object([need("answer", .any, "Up to 64 KiB of JSON; a text is `{\"text\": …}`.")], isSent: true)
    ),
  ]

  private static let asked: [Member] = [
    need("id", .id("step")), need("run_id", .id("run")), need("step", .text()), need("step_id", .id("step")),
    may("key", Schema.text().orNull), may("tool", Schema.text().orNull),
  ]

  private static func standing(_ statuses: [String]) -> [Member] {
    [
      need("status", .words(statuses)), need("subject_sha256", .text()),
      need("subject", .any, "What is asked; `null` in lists when it is large."), may("subject_truncated", .flag),
      need("requested_at", .time), need("requested_by", Schema.text().orNull), need("expires_at", Schema.time.orNull),
      need("decided_at", Schema.time.orNull),
      need("decided_by", Schema.text().orNull),
    ]
  }

  private static let approval = Schema.object(
    asked + [need("kind", .words(["step", "tool_call", "unknown_outcome"]))]
      + standing(["pending", "approved", "rejected", "answered", "expired", "withdrawn"])
      + [need("comment", Schema.text().orNull), may("answer", .any), may("answer_truncated", .flag)])

  private static let question = Schema.object(
    asked + standing(["pending", "answered", "expired", "withdrawn"])
      + [need("answer", .any), may("answer_truncated", .flag)])

  private static let decision = Schema.object(
    [
      need("decision", .words(["approve", "reject"])),
      need("subject_sha256", .text(64, min: 1), "The digest of what was read."), may("comment", .text(4000)),
    ], isSent: true
  ).example(
    #"{"decision": "approve", "subject_sha256": "ab530a13e45914982b79f9b7e3fba994cfd1f3fb22f71cea1afbf02b460c6d1d"}"#)

  private static let outcome = Schema.object(
    [
      need("outcome", .words(["done", "not_done", "failed"])),
      may("result", .text(32 << 10), "With `done`, and needed there; may be empty."),
      may("message", .text(32 << 10), "With `failed`, where it may be left out."),
      may("subject_sha256", .text(64, min: 1)),
    ], isSent: true
  ).example(#"{"outcome": "done", "result": "The parcel was sent."}"#)
}
