import Contracts
import Decider
import Primitives
import RunEngine
import RunStorage
import Testing

@Suite struct StepInputRendererTests {
  private let run = RunID(UUID(high: 1, low: 1))

  /// Three steps that all get the input of the run, which has so many bytes.
  private func snapshot(inputBytes: Int) throws -> RunSnapshot {
    let steps = ["a", "b", "c"].map { WorkflowStep(key: $0, kind: .transform) }
    let workflow = Workflow(name: "test", version: 1, steps: steps)
    var state = RunState(workflow: workflow)
    let input = PayloadRef(sha256: Payload(Array("{}".utf8)).ref.sha256, bytes: inputBytes)
    _ = try decide(&state, .create(input: input, seed: 1, facts: []))
    let facts = RunFacts(
      tenant: tenant, task: TaskID(run.uuid), project: nil, priority: 0, parent: nil, depth: 0, traceparent: nil)
    return RunSnapshot(facts: facts, workflow: CompiledWorkflow(workflow), state: state)
  }

  private func render(_ snapshot: RunSnapshot, _ store: FakeStore) async throws -> [Result<[UInt8], any Error>] {
    try await StepInputRenderer(store: store).render(snapshot.state.steps, of: run, snapshot)
  }

  @Test func `steps that fit into memory are rendered together`() async throws {
    let store = FakeStore()
    let body = Payload(Array("{}".utf8))
    store.change { $0.payloads[body.ref.sha256] = body.body }
    let inputs = try await render(try snapshot(inputBytes: 2), store)
    #expect(try inputs.map { try $0.get() } == [body.body, body.body, body.body])
  }

  @Test func `of large steps there are as many as fit into memory, one at least`() async throws {
    #expect(try await render(try snapshot(inputBytes: 20 << 20), FakeStore()).count == 1)
    #expect(try await render(try snapshot(inputBytes: 100 << 20), FakeStore()).count == 1)
  }

  @Test func `a payload that is not stored fails its step alone`() async throws {
    let inputs = try await render(try snapshot(inputBytes: 2), FakeStore())
    #expect(inputs.count == 3)
    for input in inputs { #expect(throws: (any Error).self) { try input.get() } }
  }
}
