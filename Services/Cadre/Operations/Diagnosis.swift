internal import Contracts

/// Judges what was seen. Pure.
enum Diagnosis {
  /// Clocks that differ by more are worth a look: 1 s.
  static let clockWarningMicroseconds: Int64 = 1_000_000
  /// Services do not accept what is signed by clocks that differ by more.
  static let clockFaultMicroseconds = AssertionVerifier.clockSkewSeconds * 1_000_000
  /// Free space below which nothing lasts: a twentieth, or 1 GiB.
  static let freeBytesMin: UInt64 = 1 << 30
  /// Keys that are older should be rotated: a year.
  static let keyAgeDaysMax: Int64 = 365

  static func findings(_ facts: InstallationFacts, ownVersion: String) -> [Finding] {
    configuration(facts.configurations) + services(facts) + versions(facts, ownVersion: ownVersion)
      + database(facts.database) + redis(facts.redis) + api(facts.api) + providers(facts.api) + keys(facts.keys)
      + clocks(facts) + descriptors(facts) + disks(facts)
  }

  // MARK: Configuration

  static func configuration(_ all: [ConfigurationFacts]) -> [Finding] {
    guard !all.isEmpty else {
      return [.skipped("configuration", "no process and no file to check here; services that run have checked theirs")]
    }
    var found = all.filter { !$0.isValid }.map { one in
      Finding.fault(
        "configuration", "\(one.owner): \(one.words)",
        remedy: "correct what is named; docs/configuration.md has every setting with its range")
    }
    for one in all where one.isValid && one.words.contains("warning: ") {
      let words = one.words.split(separator: "\n").filter { $0.hasPrefix("warning: ") }.joined(separator: "; ")
      found.append(.warning("configuration", "\(one.owner): \(words)", remedy: "change the setting that is named"))
    }
    let valid = all.filter(\.isValid).map(\.owner)
    if !valid.isEmpty { found.append(.ok("configuration", "valid: \(valid.sorted().joined(separator: ", "))")) }
    return found
  }

  // MARK: Services

  static func services(_ facts: InstallationFacts) -> [Finding] {
    var found = facts.unresolved.map { one in
      Finding.fault(
        "services", "the host \(one.host) of \(one.service) is not known to the resolver",
        remedy: "correct the address, or run this where the services' network is")
    }
    for service in Installation.services where !facts.replicas.isEmpty || !facts.unresolved.isEmpty {
      let isNamed =
        facts.replicas.contains { $0.replica.service == service } || facts.unresolved.contains { $0.service == service }
      if !isNamed {
        found.append(
          .fault("services", "there is no replica of \(service)", remedy: "start it, or name its admin listener"))
      }
    }
    for one in facts.replicas {
      let name = one.replica.name
      guard let answer = one.answer else {
        let last = one.lastLine.map { "; its log ends with: \($0)" } ?? ""
        found.append(
          .fault(
            "services", "\(name) gives no answer at \(one.replica.adminURL)\(last)",
            remedy: "start it, and look at its log (cadre logs --service \(one.replica.service))"))
        continue
      }
      guard !answer.isReady else { continue }
      let failed = answer.failed.isEmpty ? "" : ": \(answer.failed.joined(separator: ", "))"
      found.append(
        .fault(
          "services", "\(name) is not ready\(failed)",
          remedy: "mend what it waits for; its log says why (cadre logs --service \(one.replica.service))"))
    }
    let ready = facts.replicas.filter { $0.answer?.isReady == true }.count
    if facts.replicas.isEmpty, facts.unresolved.isEmpty {
      found.append(.skipped("services", "no admin listener is named (CADRE_ADMIN_URLS or --admin)"))
    } else if ready > 0 {
      found.append(.ok("services", "\(ready) of \(facts.replicas.count) replicas are ready"))
    }
    return found
  }

  static func versions(_ facts: InstallationFacts, ownVersion: String) -> [Finding] {
    var owners: [String: [String]] = [:]
    for one in facts.replicas {
      if let version = one.answer?.version, !version.isEmpty { owners[version, default: []].append(one.replica.name) }
    }
    guard let first = owners.keys.sorted().first else { return [.skipped("versions", "no replica says its version")] }
    if owners.count > 1 {
      let list = owners.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value.sorted().joined(separator: ", ")))" }
      return [
        .warning(
          "versions", "replicas run different versions: \(list.joined(separator: ", "))",
          remedy: "finish the update, or go back to one version (deploy/upgrade VERSION)")
      ]
    }
    if first != ownVersion {
      return [
        .warning(
          "versions", "all replicas run \(first), this command is \(ownVersion)",
          remedy: "use the command of the same version: what it knows of migrations may not fit")
      ]
    }
    return [.ok("versions", "all replicas run \(first)")]
  }

  // MARK: Clocks, descriptors, disks

  static func clocks(_ facts: InstallationFacts) -> [Finding] {
    var offsets: [(name: String, micros: Int64)] = []
    if let database = facts.database.facts { offsets.append(("Postgres", database.clockOffset)) }
    if let redis = facts.redis.facts { offsets.append(("Redis", redis.clockOffset)) }
    for one in facts.replicas { if let offset = one.answer?.clockOffset { offsets.append((one.replica.name, offset)) } }
    guard let widest = offsets.map(\.micros.magnitude).max() else { return [.skipped("clocks", "no clock answered")] }
    let found = offsets.filter { $0.micros.magnitude > UInt64(clockWarningMicroseconds) }.map { one in
      let text =
        "the clock of \(one.name) is \(shown(one.micros)) \(one.micros < 0 ? "behind" : "ahead of") this machine's"
      let remedy = "synchronise the clocks of all machines (chrony or systemd-timesyncd)"
      return one.micros.magnitude > UInt64(clockFaultMicroseconds)
        ? Finding.fault(
          "clocks",
          "\(text); services refuse what was signed by a clock that is \(clockFaultMicroseconds / 1_000_000) s off",
          remedy: remedy) : Finding.warning("clocks", text, remedy: remedy)
    }
    return found.isEmpty
      ? [.ok("clocks", "\(offsets.count) clocks are within \(widest / 1000 &+ 1) ms of this machine's")] : found
  }

  private static func shown(_ micros: Int64) -> String {
    "\(micros.magnitude / 1_000_000).\(micros.magnitude / 100_000 % 10) s"
  }

  static func descriptors(_ facts: InstallationFacts) -> [Finding] {
    var found: [Finding] = []
    var lowest: Double?
    for one in facts.replicas {
      guard let answer = one.answer, let limit = answer.metrics.sum("process_max_fds"),
        let open = answer.metrics.sum("process_open_fds")
      else { continue }
      lowest = min(lowest ?? limit, limit)
      let connections = answer.settings["http.connections_max"].flatMap { Double($0) } ?? 0
      let remedy =
        "raise the hard limit of descriptors (LimitNOFILE, ulimits of the container), or lower http.connections_max"
      if open > 0.8 * limit {
        found.append(
          .fault(
            "descriptors", "\(one.replica.name) has \(whole(open)) of \(whole(limit)) descriptors open", remedy: remedy)
        )
      } else if connections > limit {
        found.append(
          .warning(
            "descriptors",
            "\(one.replica.name) may have \(whole(limit)) descriptors, and allows \(whole(connections)) connections",
            remedy: remedy))
      }
    }
    guard let lowest else { return [.skipped("descriptors", "no replica says its limit")] }
    return found.isEmpty ? [.ok("descriptors", "every replica may open \(whole(lowest)) or more")] : found
  }

  private static func whole(_ number: Double) -> Int64 { Int64(exactly: number.rounded()) ?? .max }

  static func disks(_ facts: InstallationFacts) -> [Finding] {
    var found = facts.disks.map { disk -> Finding in
      let text = "\(disk.purpose) (\(disk.path)) has \(disk.freeBytes >> 20) MiB of \(disk.totalBytes >> 20) MiB free"
      let remedy = "make room or enlarge the volume; prune old runs (history.prune_after_ms)"
      if disk.freeBytes < min(freeBytesMin, disk.totalBytes / 20) { return .fault("disk", text, remedy: remedy) }
      return disk.freeBytes < disk.totalBytes / 10 ? .warning("disk", text, remedy: remedy) : .ok("disk", text)
    }
    if !facts.disks.contains(where: { $0.purpose == "Postgres" }) {
      let size = facts.database.facts.map { "; the database has \($0.bytes >> 20) MiB" } ?? ""
      found.append(
        .skipped("disk", "the volume of Postgres cannot be seen from here: watch it by node_exporter\(size)"))
    }
    return found
  }
}
