internal import JSON
internal import Primitives

/// `cadre status`: what an installation does now.
package struct StatusSummary: Sendable {
  private let facts: InstallationFacts

  init(_ facts: InstallationFacts) { self.facts = facts }

  /// Looks at an installation.
  package static func look(at installation: Installation, seconds: Int) -> StatusSummary {
    var quick = installation
    quick.keyFiles = []
    quick.configurations = []
    return StatusSummary(InstallationFacts.look(at: quick, seconds: seconds))
  }

  /// Whether every service has a replica that is ready.
  package var isServing: Bool { Installation.services.allSatisfy { ready($0) > 0 } }

  private func replicas(_ service: String) -> [ReplicaFacts] { facts.replicas.filter { $0.replica.service == service } }
  private func ready(_ service: String) -> Int { replicas(service).count { $0.answer?.isReady == true } }
  private func sum(_ metric: String, of service: String) -> Double {
    replicas(service).reduce(0) { $0 + ($1.answer?.metrics.sum(metric) ?? 0) }
  }
  /// Every replica of the orchestrator reports the same queue, at the time of its last sweep.
  private func most(_ metric: String) -> Double {
    replicas("orchestrator").reduce(0) { max($0, $1.answer?.metrics.sum(metric) ?? 0) }
  }

  private var names: [String] {
    Installation.services + Set(facts.replicas.map(\.replica.service)).subtracting(Installation.services).sorted()
  }
  private var slots: Int64 {
    replicas("agent-core").reduce(0) { $0 &+ ($1.answer?.settings["worker.slots"].flatMap { Int64($0) } ?? 0) }
  }
  private var running: Int64 { Int64(exactly: sum("cadre_agent_attempts_running", of: "agent-core")) ?? 0 }
  private var breakers: [(provider: String, model: String, state: String)] {
    (facts.api.facts?.providers ?? []).flatMap { one in one.breakers.map { (one.name, $0.model, $0.state) } }
  }
  private var queue: (ready: Int64, delayed: Int64, leased: Int64, timers: Int64) {
    if let work = facts.database.facts?.work { return (work.ready, work.delayed, work.leased, work.timers) }
    func whole(_ name: String) -> Int64 { Int64(exactly: most(name)) ?? 0 }
    return (
      whole("cadre_steps_ready"), whole("cadre_steps_delayed"), whole("cadre_steps_held"), whole("cadre_timers")
    )
  }

  /// For people.
  package var text: String {
    var lines: [String] = []
    for name in names {
      let all = replicas(name)
      let versions = Set(all.compactMap { $0.answer?.version }).sorted().joined(separator: ", ")
      let up = all.compactMap { $0.answer?.uptimeSeconds }.min()
      var line = "\(name.padded(to: 14)) \(ready(name)) of \(all.count) ready"
      if !versions.isEmpty { line += "   version \(versions)" }
      if let up { line += "   up \(StatusSummary.duration(up))" }
      let away = all.filter { $0.answer?.isReady != true }.map(\.replica.name)
      if !away.isEmpty { line += "   not ready: \(away.joined(separator: ", "))" }
      lines.append(line)
    }
    let queue = queue
    lines.append("")
    lines.append(
      "queue          \(queue.ready) ready, \(queue.delayed) delayed, \(queue.leased) running, \(queue.timers) timers")
    lines.append("workers        \(running) of \(slots) slots busy, on \(ready("agent-core")) workers")
    switch facts.database {
    case .seen(let database):
      let runs = database.work.runs.map { "\($0.count) \($0.status)" }.joined(separator: ", ")
      lines.append("runs (24 h)    \(runs.isEmpty ? "none" : runs)")
      lines.append(
        "spent today    \(StatusSummary.dollars(database.work.spentNanoUSD)) for \(database.work.calls) calls of models"
      )
    case .failed: lines.append("runs (24 h)    unknown: the database cannot be looked at (cadre doctor says why)")
    case .unknown: lines.append("runs (24 h)    unknown: CADRE_POSTGRES_URL is not set")
    }
    let open = breakers.map { "\($0.provider)/\($0.model) \($0.state)" }
    let isKnown = facts.api.facts?.providers != nil
    lines.append("breakers       \(!isKnown ? "unknown" : open.isEmpty ? "all closed" : open.joined(separator: ", "))")
    return lines.joined(separator: "\n")
  }

  /// For programs.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("serving", isServing)
    writer.key("services")
    writer.beginArray()
    for name in names {
      for one in replicas(name) {
        writer.beginObject()
        writer.member("service", name)
        writer.member("replica", one.replica.name)
        writer.member("ready", one.answer?.isReady == true)
        writer.member("version", ifPresent: one.answer?.version)
        writer.member("uptime_seconds", ifPresent: one.answer?.uptimeSeconds)
        writer.endObject()
      }
    }
    writer.endArray()
    let queue = queue
    writer.key("queue")
    writer.beginObject()
    writer.member("ready", queue.ready)
    writer.member("delayed", queue.delayed)
    writer.member("running", queue.leased)
    writer.member("timers", queue.timers)
    writer.endObject()
    writer.key("workers")
    writer.beginObject()
    writer.member("ready", Int64(ready("agent-core")))
    writer.member("slots", slots)
    writer.member("busy", running)
    writer.endObject()
    if let work = facts.database.facts?.work {
      writer.key("runs_24h")
      writer.beginObject()
      for run in work.runs { writer.member(run.status, run.count) }
      writer.endObject()
      writer.member("spent_today_nanousd", work.spentNanoUSD)
      writer.member("model_calls_today", work.calls)
    }
    if facts.api.facts?.providers != nil {
      writer.key("open_breakers")
      writer.beginArray()
      for one in breakers {
        writer.beginObject()
        writer.member("provider", one.provider)
        writer.member("model", one.model)
        writer.member("state", one.state)
        writer.endObject()
      }
      writer.endArray()
    }
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  static func duration(_ seconds: Int64) -> String {
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7200 { return "\(seconds / 60) min" }
    return seconds < 172_800 ? "\(seconds / 3600) h" : "\(seconds / 86_400) d"
  }

  static func dollars(_ nano: Int64) -> String { DollarAmount.text(micro: DollarAmount.micro(nano: nano)) }
}
