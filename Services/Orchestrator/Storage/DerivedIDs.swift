package import Contracts
internal import Crypto
package import Primitives

extension StepID {
  /// The id of a step of a run. Derived, so that no table has to remember it: the first half is the run's, the second
  /// half is the digest of run and key.
  package static func of(_ run: RunID, step key: String) -> StepID {
    StepID(derived(from: run.uuid, key))
  }

  /// The id of a question that a step asked in an attempt.
  package static func of(_ run: RunID, step key: String, attempt: Int, ask: String) -> StepID {
    StepID(derived(from: run.uuid, "\(key)?\(attempt)?\(ask)"))
  }
}

extension RunID {
  /// The id of the sub-run of an attempt. Derived, so that beginning it twice makes one.
  package static func of(_ parent: RunID, step key: String, attempt: Int) -> RunID {
    RunID(derived(from: parent.uuid, "\(key)#\(attempt)"))
  }

  /// The id of the run of a schedule at a time.
  package static func of(_ schedule: ScheduleID, at time: Timestamp) -> RunID {
    let name = derived(from: schedule.uuid, "@\(time.unixMicroseconds)")
    return RunID(
      UUID(
        version7At: UInt64(clamping: time.unixMicroseconds / 1000),
        random: (name.low, name.low &* 0x9E37_79B9_7F4A_7C15)))
  }
}

private func derived(from base: UUID, _ name: String) -> UUID {
  let digest = Digest.sha256(base.bytes + Array(name.utf8))
  let low = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  return UUID(high: base.high, low: 0x8000_0000_0000_0000 | low >> 2)
}
