internal import AuditChain
internal import Telemetry

/// What is counted of the audit log.
struct AuditMetrics: Sendable {
  let entries: CounterFamily
  let failures: CounterFamily
  let tampering: CounterFamily
  let omitted: Counter
  let attemptFailures: Counter
  let duration: Histogram

  init(_ registry: MetricsRegistry) {
    entries = registry.counter(
      "cadre_audit_entries_total", help: "Entries written to the audit log, by kind.", labels: ["kind"])
    failures = registry.counter(
      "cadre_audit_lost_total",
      help: "Entries that could not be written, by kind; the change of a request was refused, others are lost.",
      labels: ["kind"])
    tampering = registry.counter(
      "cadre_audit_tampering_total",
      help: "Ends of chains that were found elsewhere than they were left (end), or without their row (head).",
      labels: ["what"])
    // Series that begin with their first event have no increase that a rule could see.
    for kind in AuditEntry.Kind.allCases { failures.with(kind.rawValue).add(0) }
    for what in ["end", "head"] { tampering.with(what).add(0) }
    omitted = registry.counter(
      "cadre_audit_omitted_total", help: "Refusals that are in the audit log as a number, not one by one.")
    attemptFailures = registry.counter(
      "cadre_audit_write_failures_total", help: "Attempts to write to the audit log that failed.")
    duration = registry.histogram(
      "cadre_audit_commit_duration_seconds", help: "Time of a transaction that adds entries to the audit log."
    ).with()
  }
}
