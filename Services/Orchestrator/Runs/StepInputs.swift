internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Workflows

/// Renders the inputs of steps: looks up the payloads that their templates need.
struct StepInputs: Sendable {
  let store: RunStore

  /// The input of a step. Throws the template's or the store's error.
  func render(_ step: RunState.Step, of run: RunID, _ known: KnownRun) async throws -> [UInt8] {
    let input = try StepInput(step, in: known.state, run: run.description)
    if let whole = input.whole {
      guard let body = try await store.payloads(known.facts.tenant, [whole])[whole.sha256] else {
        throw MissingPayload(sha256: whole.sha256)
      }
      return body
    }
    let bodies = try await store.payloads(known.facts.tenant, input.payloads)
    return try input.render(try bodies.mapValues { try JSONDocument(parsing: $0) })
  }
}
