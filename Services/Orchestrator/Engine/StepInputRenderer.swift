package import Contracts
package import Decider
internal import JSON
internal import RunStorage
internal import Workflows

/// Renders the inputs of steps: looks up the payloads that their templates need, once for several steps of a run.
package struct StepInputRenderer: Sendable {
  /// Bytes that one portion of steps refers to, and that are rendered for them.
  private static let portionBytesMax = 32 << 20

  private let store: any PayloadStore

  /// Renders with the payloads in `store`.
  package init(store: any PayloadStore) { self.store = store }

  /// The inputs of the first steps of one run, as many as fit into memory and one at least, or why one can never be
  /// rendered. Throws the store's error and the end of the task, which say nothing about the steps.
  package func render(
    _ steps: [RunState.Step], of run: RunID, _ snapshot: RunSnapshot
  ) async throws -> [Result<[UInt8], any Error>] {
    var inputs: [Result<StepInput, any Error>] = []
    var needed: Set<PayloadRef> = []
    var bytes = 0
    for step in steps {
      let input = Result { try StepInput(step, in: snapshot.state, run: run.description) }
      if case .success(let input) = input {
        let payloads = input.payloads + [input.whole].compactMap { $0 }
        bytes += payloads.reduce(input.bytesEstimate) { sum, payload in
          sum + (needed.contains(payload) ? 0 : min(Self.portionBytesMax, max(0, payload.bytes)))
        }
        if !inputs.isEmpty, bytes > Self.portionBytesMax { break }
        needed.formUnion(payloads)
      }
      inputs.append(input)
    }
    let bodies = try await store.payloads(snapshot.facts.tenant, Array(needed))
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
