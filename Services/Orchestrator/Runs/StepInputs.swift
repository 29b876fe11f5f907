internal import Contracts
internal import Decider
internal import JSON
internal import RunStorage
internal import Workflows

/// Renders the inputs of steps: looks up the payloads that their templates need, once for several steps of a run.
struct StepInputs: Sendable {
  /// Bytes of what the steps of one portion refer to, and of what may be rendered for them.
  private static let portionBytesMax = 32 << 20

  let store: RunStore

  /// Steps of one run in portions that are rendered together: all of them as long as they are small, one at least.
  static func portions<Entry>(
    _ entries: [Entry], of run: RunID, _ known: KnownRun, step: (Entry) -> RunState.Step
  ) -> [[Entry]] {
    var portions: [[Entry]] = []
    var seen: Set<PayloadRef> = []
    var bytes = 0
    for entry in entries {
      var more: [PayloadRef] = []
      var size = 0
      if let input = try? StepInput(step(entry), in: known.state, run: run.description) {
        more = input.payloads + [input.whole].compactMap { $0 }
        size = input.bytesEstimate
      }
      func added() -> Int {
        more.reduce(size) { $0 + (seen.contains($1) ? 0 : min(portionBytesMax, max(0, $1.bytes))) }
      }
      if portions.isEmpty || bytes + added() > portionBytesMax {
        portions.append([])
        seen = []
        bytes = 0
      }
      bytes += added()
      seen.formUnion(more)
      portions[portions.count - 1].append(entry)
    }
    return portions
  }

  /// The inputs of steps of one run, or why one can never be rendered. Throws the store's error and the end of the
  /// task, which say nothing about the steps.
  func render(
    _ steps: [RunState.Step], of run: RunID, _ known: KnownRun
  ) async throws -> [Result<[UInt8], any Error>] {
    let inputs = steps.map { step in Result { try StepInput(step, in: known.state, run: run.description) } }
    var needed: Set<PayloadRef> = []
    for case .success(let input) in inputs {
      needed.formUnion(input.payloads)
      if let whole = input.whole { needed.insert(whole) }
    }
    let bodies = try await store.payloads(known.facts.tenant, Array(needed))
    let documents = bodies.compactMapValues { try? JSONDocument(parsing: $0) }
    return inputs.map { input in
      Result {
        let input = try input.get()
        guard let whole = input.whole else { return try input.render(documents) }
        guard let body = bodies[whole.sha256] else { throw MissingPayload(sha256: whole.sha256) }
        return body
      }
    }
  }
}
