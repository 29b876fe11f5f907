import Policy
import Telemetry
import Testing

@testable import PolicyDecisions

@Suite("Policy decisions")
struct PolicyEngineTests {
  @Test func `only allow allows`() {
    for effect in PolicyEffect.allCases { #expect(PolicyAnswer(effect: effect).isAllowed == (effect == .allow)) }
  }

  @Test func `a rule allows, refuses or asks`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    let read = await engine.decide(try Sample.query())
    #expect(read.isAllowed && read.rule == "reading" && read.fault == nil && !read.decisionID.isEmpty)
    #expect(read.revision == engine.bundle?.revision && read.revision.count == 64)
    let other = await engine.decide(try Sample.query("GET", role: "nobody"))
    #expect(!other.isAllowed && other.reasons == ["no rule allows it"] && other.rule == "default")
    engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting": true}"#)), of: "tenant_a")
    let delete = await engine.decide(try Sample.query("DELETE"))
    #expect(delete.effect == .ask && !delete.isAllowed && delete.reasons == ["somebody must approve"])
  }

  @Test func `data of one tenant is not seen by another`() async throws {
    let engine = Sample.engine(
      try Sample.bundle(
        "package cadre.http\ndecision := {\"effect\": \"deny\", \"reasons\": object.keys(data.tenants)}"))
    engine.control.setData(TenantPolicyData(try Sample.value("{}")), of: "tenant_a")
    engine.control.setData(TenantPolicyData(try Sample.value("{}")), of: "tenant_b")
    #expect(await engine.decide(try Sample.query(tenant: "tenant_a")).reasons == ["tenant_a"])
    #expect(await engine.decide(try Sample.query(tenant: "tenant_c")).fault == .undefined)
    #expect(await engine.decide(try Sample.query(tenant: nil)).fault == .undefined)
  }

  @Test(arguments: [
    ("p := 1", PolicyFault.undefined), ("decision := true", .invalidDecision),
    ("decision := \"allow\"", .invalidDecision),
    ("decision := {\"effect\": \"yes\"}", .invalidDecision),
    ("decision := {\"effect\": \"allow\", \"reasons\": [1]}", .invalidDecision),
    ("decision := {\"effect\": \"allow\", \"reasons\": \"x\"}", .invalidDecision),
    ("decision := {\"effect\": x} if some x in [\"allow\", \"deny\"]", .conflict),
    (
      "decision := {\"effect\": \"allow\"} if { l := numbers.range(1, 300); a := l[_]; b := l[_]; c := l[_]; a + b + c < 0 }",
      .limit
    ),
    ("decision := {\"effect\": \"allow\"} if count(numbers.range(1, 1000000000)) > 0", .limit),
    (
      "decision := {\"effect\": \"allow\", \"x\": r} if r := [concat(\"\", [t, t]) | t := data.cadre.config.long; some _ in numbers.range(1, 4000)]",
      .limit
    ),
    (
      "f(x) := f2(x)\nf2(x) := concat(\"\", [x, x])\ndecision := {\"effect\": \"allow\", \"n\": f(f(f(f(f(f(f(f(data.cadre.config.long))))))))}",
      .limit
    ),
  ])
  func `what is no decision is a refusal`(_ rules: String, _ fault: PolicyFault) async throws {
    let long = String(repeating: "a", count: 60_000)
    let bundle = try Sample.bundle("package cadre.http\n\(rules)", config: "{\"long\": \"\(long)\"}")
    let engine = Sample.engine(bundle)
    let answer = await engine.decide(try Sample.query())
    #expect(answer.fault == fault && answer.effect == .deny, "\(answer)")
    #expect(answer.reasons == [PolicyDecision.reason(fault)])
    // The explanation says the same, and ends as well.
    #expect(await engine.explain(try Sample.query())?.fault == fault)
  }

  @Test func `a question that takes too long is refused`() async throws {
    let rules =
      "package cadre.http\ndecision := {\"effect\": \"allow\"} if { l := numbers.range(1, 300); a := l[_]; b := l[_]; c := l[_]; a + b + c < 0 }"
    let engine = Sample.engine(try Sample.bundle(rules), timeout: .nanoseconds(1))
    #expect(await engine.decide(try Sample.query()).fault == .timeout)
  }

  @Test func `a question that is too large is refused`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    let long = String(repeating: "x", count: PolicyEngine.inputBytesMax)
    #expect(await engine.decide(try Sample.query(extra: ",\"long\":\"\(long)\"")).fault == .tooLarge)
  }

  // MARK: Modes

  @Test func `modes change what becomes of a decision, not the decision`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    let query = try Sample.query(role: "nobody")
    #expect(await engine.decide(query).effect == .deny)
    engine.control.change { $0.mode = .dryRun }
    let dry = await engine.decide(query)
    #expect(dry.isAllowed && dry.decided == .deny && dry.mode == .dryRun && dry.isFromCache)
    engine.control.change { $0.mode = .off }
    let off = await engine.decide(query)
    #expect(off.isAllowed && off.mode == .off && off.decisionID.isEmpty)
    engine.control.change { $0.mode = .enforce }
    #expect(await engine.decide(query).effect == .deny)
  }

  @Test func `a halt refuses all but reading, in every mode`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    engine.control.change { $0.isHalted = true }
    for mode in PolicyMode.allCases {
      engine.control.change { $0.mode = mode }
      let change = await engine.decide(try Sample.query("DELETE"))
      #expect(change.effect == .deny && change.fault == .halted)
      #expect(await engine.decide(try Sample.query("GET")).isAllowed)
    }
    engine.control.change { $0.isHalted = false }
    engine.control.change { $0.mode = .dryRun }
    #expect(await engine.decide(try Sample.query("DELETE")).isAllowed)
  }

  @Test func `a canary takes its share of tenants, and they stay when it grows`() {
    let tenants = (0..<2000).map { "tenant_\($0)" }
    var before: Set<String> = []
    for percent in [0, 1, 10, 50, 90, 100] {
      let switches = PolicySwitches(mode: .enforce, canaryPercent: percent)
      let enforced = Set(tenants.filter { switches.mode(for: $0) == .enforce })
      #expect(before.isSubset(of: enforced))
      #expect(abs(enforced.count - percent * 20) < 120, "\(percent): \(enforced.count)")
      before = enforced
    }
    // The same in every process and version.
    #expect(PolicySwitches.place(of: "tenant_00000000000070008000000000000001") == Self.knownPlace)
    for (percent, mode) in [(Self.knownPlace, PolicyMode.dryRun), (Self.knownPlace + 1, .enforce)] {
      let switches = PolicySwitches(mode: .enforce, canaryPercent: percent)
      #expect(switches.mode(for: "tenant_00000000000070008000000000000001") == mode)
    }
    #expect(PolicySwitches(mode: .enforce, canaryPercent: 99).mode(for: nil) == .dryRun)
    #expect(PolicySwitches(mode: .enforce).mode(for: nil) == .enforce)
    #expect(PolicySwitches(mode: .off, canaryPercent: 1).mode(for: "a") == .off)
  }

  private static let knownPlace = 45

  // MARK: Cache

  @Test func `a decision is remembered for the same input, policies and data only`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    func cached(_ method: String = "GET", _ role: String = "viewer") async throws -> Bool {
      await engine.decide(try Sample.query(method, role: role)).isFromCache
    }
    #expect(try await !cached())
    #expect(try await cached())
    #expect(try await !cached("GET", "owner"))
    #expect(try await !cached("DELETE"))
    engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting": true}"#)), of: "tenant_a")
    #expect(try await !cached("DELETE"))
    #expect(await engine.decide(try Sample.query("DELETE")).effect == .ask)
    engine.control.setData(TenantPolicyData(try Sample.value(#"{"deleting": false}"#)), of: "tenant_a")
    #expect(await engine.decide(try Sample.query("DELETE")).effect == .deny)
    engine.replace(try Sample.bundle(Sample.module + "\n# changed\n"))
    #expect(try await !cached())
  }

  @Test func `what depends on the time is not remembered`() async throws {
    let engine = Sample.engine(
      try Sample.bundle("package cadre.http\ndecision := {\"effect\": \"allow\"} if now > 1\nnow := time.now_ns()"))
    for _ in 0..<3 {
      let answer = await engine.decide(try Sample.query())
      #expect(answer.isAllowed && !answer.isFromCache)
    }
  }

  @Test func `keys tell apart what looks alike`() throws {
    let inputs = [
      #"{"a":"1"}"#, #"{"a":1}"#, #"{"a":1.5}"#, #"{"a":[1]}"#, #"{"a":["1"]}"#, #"{"a":{"1":1}}"#, #"{"a":null}"#,
      #"{"a":""}"#, #"{"a":true}"#, #"{"ab":""}"#, #"{"a":"b","c":""}"#, #"{"a":"","b":"c"}"#, #"["a","b"]"#,
      #"["ab"]"#, #"[["a"],"b"]"#, #"[["a","b"]]"#, #"{}"#, #"[]"#, "null",
    ]
    var keys: Set<DecisionCache.Key> = []
    for input in inputs {
      for path in [["a", "b"], ["a.b"], ["ab"]] {
        for (policy, data) in [("p", "d"), ("pd", ""), ("", "pd")] {
          let query = PolicyQuery(path: path, input: try Sample.value(input), tenant: nil)
          keys.insert(DecisionCache.Key(query, policy: policy, data: data))
        }
      }
    }
    #expect(keys.count == inputs.count * 9)
    let equal = [#"{"a":1,"b":2}"#, #"{"b":2.0,"a":1e0}"#].map { try? Sample.value($0) }.compactMap { $0 }
      .map { DecisionCache.Key(PolicyQuery(path: [], input: $0, tenant: nil), policy: "", data: "") }
    #expect(equal.count == 2 && Set(equal).count == 1)
  }

  @Test func `a question that is kept has the key of its revisions each time`() throws {
    let query = PolicyQuery(path: ["a", "b"], input: try Sample.value(#"{"a":1}"#), tenant: "t")
    let kept = query.forRepetition()
    for (policy, data) in [("p", "d"), ("p", "d"), ("p2", "d"), ("p", "d"), ("p", ""), ("", "pd")] {
      let key = DecisionCache.Key(query, policy: policy, data: data)
      #expect(kept.key(policy: policy, data: data) == key)
      #expect(kept.traced(nil).key(policy: policy, data: data) == key)
      #expect(query.key(policy: policy, data: data) == key)
    }
  }

  @Test func `the cache has a bound`() throws {
    let cache = DecisionCache(entriesMax: 1000)
    for number in 0..<20_000 {
      let query = PolicyQuery(path: ["a"], input: .int(number), tenant: nil)
      cache.insert(PolicyDecision(.undefined), for: DecisionCache.Key(query, policy: "", data: ""))
    }
    #expect(cache.count <= 1000 && cache.count > 400)
  }

  // MARK: Bundles

  @Test func `questions meanwhile never find a gap`() async throws {
    let engine = Sample.engine(try Sample.bundle(Sample.module))
    let bundles = try (0..<20).map { try Sample.bundle(Sample.module + "\n# \($0)\n") }
    let queries = try (0..<200).map { try Sample.query(extra: ",\"n\":\($0)") }
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          var refused = 0
          for query in queries { if await !engine.decide(query).isAllowed { refused += 1 } }
          return refused
        }
      }
      group.addTask {
        for bundle in bundles {
          engine.replace(bundle)
          await Task.yield()
        }
        return 0
      }
      for await refused in group { #expect(refused == 0) }
    }
  }

  @Test func `decisions, faults and bundles are counted`() async throws {
    let registry = MetricsRegistry()
    let off = Telemetry.disabled()
    let engine = Sample.engine(
      try Sample.bundle(Sample.module),
      telemetry: Telemetry(service: "t", registry: registry, tracer: off.tracer, logger: off.logger))
    for _ in 0..<2 { _ = await engine.decide(try Sample.query()) }
    _ = await engine.decide(try Sample.query(path: ["hostile", "name"]))
    let text = String(decoding: registry.render(.prometheusText), as: UTF8.self)
    #expect(
      text.contains(
        #"cadre_policy_decisions_total{document="cadre.http.decision",effect="allow",mode="enforce",cached="true"} 1"#))
    #expect(text.contains(#"cadre_policy_faults_total{document="other",fault="undefined"} 1"#))
    #expect(!text.contains("hostile"))
  }
}
