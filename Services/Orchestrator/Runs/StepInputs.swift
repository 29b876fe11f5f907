internal import Contracts
internal import Decider
internal import JSON
internal import Workflows

/// Renders the inputs of steps: looks up the payloads that their templates need, once for all steps of a run.
struct StepInputs: Sendable {
  let store: RunStore

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
