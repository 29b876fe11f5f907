internal import Contracts
internal import Decider
internal import JSON
internal import Postgres
internal import Workflows

/// Renders the inputs of steps: looks up the payloads that their templates need, once for all steps of a run.
struct StepInputs: Sendable {
  let store: RunStore

  /// The inputs of steps of one run, or why one cannot be rendered. Throws the store's error.
  func render(
    _ steps: [RunState.Step], of run: RunID, _ known: KnownRun
  ) async throws(PostgresError) -> [Result<[UInt8], any Error>] {
    let inputs = steps.map { step in Result { try StepInput(step, in: known.state, run: run.description) } }
    var needed: Set<PayloadRef> = []
    for case .success(let input) in inputs {
      needed.formUnion(input.payloads)
      if let whole = input.whole { needed.insert(whole) }
    }
    let bodies: [String: [UInt8]]
    do { bodies = try await store.payloads(known.facts.tenant, Array(needed)) } catch let error as PostgresError {
      throw error
    } catch {
      return steps.map { _ in .failure(error) }
    }
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
