import Policy
import PolicyDecisions
import ScriptedProvider
import Synchronization
import Testing

@testable import ModelCalls

/// Refuses models by their names.
private struct RefusedModels: PolicyDeciding {
  let names: Set<String>

  func decide(_ query: PolicyQuery) async -> PolicyAnswer {
    guard case .object(let input) = query.input, case .object(let action)? = input["action"],
      let model = action["model"]?.string, query.path == ["cadre", "models", "decision"]
    else { return PolicyAnswer(effect: .deny, fault: .error) }
    return names.contains(model)
      ? PolicyAnswer(effect: .deny, reasons: ["\(model) is not for members"], rule: "refused")
      : PolicyAnswer(effect: .allow)
  }
}

@Suite("Policies of models", .serialized)
struct ModelPolicyTests {
  private typealias Model = CallFixture.Model

  @Test func `a refused model is left out of an alias, and is no fallback`() async throws {
    try await CallFixture.run([Model("a"), Model("b")], policy: RefusedModels(names: ["a"])) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.model == "b")
      let refused = try await fixture.ask("a")
      #expect(refused.status == 403 && refused.text.contains("access_denied"))
      #expect(refused.text.contains("a is not for members"))
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 1)
    }
    let failing = Model("a") { $0.status = 500 }
    try await CallFixture.run([failing, Model("b")], policy: RefusedModels(names: ["b"])) { fixture in
      let answer = try await fixture.ask("both")
      #expect(answer.status == 502)
    }
  }

  @Test func `nothing is called when all are refused`() async throws {
    try await CallFixture.run([Model("a"), Model("b")], policy: RefusedModels(names: ["a", "b"])) { fixture in
      let refused = try await fixture.ask("both", stream: true)
      #expect(refused.status == 403)
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `a halt refuses every call, and says that later it may be made`() async throws {
    struct Halted: PolicyDeciding {
      func decide(_ query: PolicyQuery) async -> PolicyAnswer {
        PolicyAnswer(effect: .deny, reasons: ["changes are halted in this installation"], fault: .halted)
      }
    }
    try await CallFixture.run([Model("a")], policy: Halted()) { fixture in
      let refused = try await fixture.ask("a")
      #expect(refused.status == 503 && refused.text.contains("installation_halted"))
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 0)
    }
  }

  @Test func `while nobody can decide no call is made, and later it may be`() async throws {
    struct Away: PolicyDeciding {
      func decide(_ query: PolicyQuery) async -> PolicyAnswer {
        PolicyAnswer(effect: .deny, reasons: ["the policies are not available"], fault: .unavailable)
      }
    }
    try await CallFixture.run([Model("a")], policy: Away()) { fixture in
      let refused = try await fixture.ask("a")
      #expect(refused.status == 503 && refused.text.contains("policy_unavailable"))
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 0)
    }
  }

  @Test(
    arguments: [
      (0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (4_000_000, 4096), (Int64.max, 1 << 54), (-5, 0),
    ] as [(Int64, Int)])
  func `costs are rounded up, so that decisions are found again`(nano: Int64, bucket: Int) {
    #expect(ModelPolicy.bucket(nano) == bucket)
  }
}
