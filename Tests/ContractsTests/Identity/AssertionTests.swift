import Contracts
import Primitives
import Testing

@Suite struct AssertionTests {
  private let now = Samples.now

  private func error(
    _ text: String, at time: Timestamp = Samples.now, _ verifier: AssertionVerifier? = nil, late: Int64 = 0
  ) throws -> AssertionError? {
    do {
      _ = try (verifier ?? Samples.router()).verify(text, now: time, late: late)
      return nil
    } catch let error as AssertionError { return error }
  }

  @Test func `what was signed is what is read`() throws {
    for (assertion, keys) in [
      (Samples.assertion(), try Samples.gatewayKeys()),
      (Samples.assertion(Samples.caller([.api, .models, .operator])), try Samples.gatewayKeys()),
      (
        Samples.assertion(
          Caller(
            issuer: .gateway, tenant: Samples.tenant, principal: "key:é=\"x\"", scopes: .api, project: "p",
            group: "g", agent: "a", role: "admin"), for: [.orchestrator, .router]), try Samples.gatewayKeys()
      ),
      (Samples.assertion(Samples.worker(), for: [.orchestrator, .router]), try Samples.stepKeys()),
    ] {
      let text = Samples.sign(assertion, keys)
      #expect(try Samples.router().verify(text, now: now) == assertion)
    }
  }

  @Test func `the text is what the documentation says`() throws {
    let text = Samples.sign(Samples.assertion(), try Samples.gatewayKeys())
    #expect(text == Samples.forge(Samples.claims))
    #expect(text.utf8.count < 300)
  }

  @Test func `an assertion ends at its time, but for the difference of clocks`() throws {
    let text = Samples.sign(Samples.assertion(expiresIn: 30), try Samples.gatewayKeys())
    #expect(try error(text, at: now + .seconds(34)) == nil)
    #expect(try error(text, at: now + .seconds(35)) == .expired)
    #expect(try error(text, at: now + .seconds(36_000)) == .expired)
    #expect(try error(text, at: now + .seconds(34 + 600), late: 600) == nil)
    #expect(try error(text, at: now + .seconds(35 + 600), late: 600) == .expired)
    // A clock that is behind.
    #expect(try error(text, at: now + .seconds(-35)) == nil)
    #expect(try error(text, at: now + .seconds(-36)) == .lifetimeTooLong)
  }

  @Test func `nobody can sign for longer than an issuer may`() throws {
    let minute = Samples.sign(Samples.assertion(expiresIn: 66), try Samples.gatewayKeys())
    #expect(try error(minute) == .lifetimeTooLong)
    let lease = Samples.assertion(Samples.worker(), for: .router, expiresIn: 3600)
    #expect(try error(Samples.sign(lease, try Samples.stepKeys())) == nil)
    let longer = Samples.assertion(Samples.worker(), for: .router, expiresIn: 3606)
    #expect(try error(Samples.sign(longer, try Samples.stepKeys())) == .lifetimeTooLong)
  }

  @Test func `another service refuses it`() throws {
    let text = Samples.sign(Samples.assertion(for: .router), try Samples.gatewayKeys())
    let orchestrator = AssertionVerifier(audience: .orchestrator, trusting: [try Samples.gatewayKeys()])
    #expect(try error(text, orchestrator) == .wrongAudience)
  }

  @Test func `the key of one issuer says nothing for another`() throws {
    // The owner of the step keys pretends to be the gateway, under its key's id and under the gateway's.
    #expect(try error(Samples.forge(Samples.claims, id: "s1", secret: Samples.stepSecret)) == .unknownKey)
    #expect(try error(Samples.forge(Samples.claims, secret: Samples.stepSecret)) == .wrongSignature)
    // And says in its own name what only the gateway may say.
    let step = Samples.claims.replacing("api models", with: "models step")
    #expect(
      try error(Samples.forge(step, issuer: "orchestrator", id: "s1", secret: Samples.stepSecret)) == .notPermitted)
    let `operator` =
      Samples.claims.replacing("api models", with: "operator")
      + "\nrun=\(Samples.run)\nstep=\(Samples.step)\nlease=0123456789abcdef"
    #expect(
      try error(Samples.forge(`operator`, issuer: "orchestrator", id: "s1", secret: Samples.stepSecret))
        == .notPermitted)
    // The gateway has no steps to vouch for.
    let run = Samples.claims + "\nrun=\(Samples.run)\nstep=\(Samples.step)\nlease=0123456789abcdef"
    #expect(try error(Samples.forge(run)) == .notPermitted)
    #expect(try error(Samples.forge(Samples.claims.replacing("api models", with: "step"))) == .notPermitted)
    // The same secret for both is still two keys.
    let shared = AssertionVerifier(
      audience: .router, trusting: [try Samples.keys(.orchestrator, "k:\(Samples.gatewaySecret)")])
    let text = Samples.sign(Samples.assertion(), try Samples.keys(.gateway, "k:\(Samples.gatewaySecret)"))
    #expect(try error(text, shared) == .unknownIssuer)
    #expect(try error(text.replacing(".gateway.", with: ".orchestrator."), shared) == .wrongSignature)
    // A caller of one issuer, signed by the other.
    #expect(try error(Samples.sign(Samples.assertion(), try Samples.stepKeys())) == .notPermitted)
    #expect(try error(Samples.sign(Samples.assertion(Samples.worker()), try Samples.gatewayKeys())) == .notPermitted)
  }

  @Test func `a signature belongs to its claims`() throws {
    let mine = Samples.sign(Samples.assertion(), try Samples.gatewayKeys())
    let other = Caller(
      issuer: .gateway, tenant: TenantID(UUID(high: 0, low: 2)), principal: "key:test", scopes: [.api, .models])
    let theirs = Samples.sign(Samples.assertion(other), try Samples.gatewayKeys())
    var parts = mine.split(separator: ".")
    parts[3] = theirs.split(separator: ".")[3]
    #expect(try error(parts.joined(separator: ".")) == .wrongSignature)
  }

  @Test(arguments: ["v0", "v2", "V1", "", "none", "v1 "])
  func `there is one version and one algorithm`(version: String) throws {
    let text = Samples.sign(Samples.assertion(), try Samples.gatewayKeys())
    #expect(try error(version + text.dropFirst(2)) == .unsupportedVersion)
  }

  @Test func `two keys are in force while one takes over`() throws {
    let (old, new) = ("g1:\(Samples.gatewaySecret)", "g2:\(Samples.newGatewaySecret)")
    let (before, after) = (try Samples.keys(.gateway, old), try Samples.keys(.gateway, new))
    let both = try Samples.keys(.gateway, "\(old), \(new)")
    let verifier = AssertionVerifier(audience: .router, trusting: [both])
    #expect(try error(Samples.sign(Samples.assertion(), before), verifier) == nil)
    #expect(try error(Samples.sign(Samples.assertion(), after), verifier) == nil)
    // The first signs.
    #expect(Samples.sign(Samples.assertion(), both) == Samples.sign(Samples.assertion(), before))
    let done = AssertionVerifier(audience: .router, trusting: [after])
    #expect(try error(Samples.sign(Samples.assertion(), before), done) == .unknownKey)
  }

  @Test(arguments: [
    "", ".", "....", "v1", "v1....", "v1.gateway", "v1.gateway.g1", "v1.gateway.g1.YQ", "v1.gateway.g1.YQ.YQ",
    "v1.gateway.g1.YQ.YQ.YQ", "Bearer x", "\u{0}", "v1.gateway.g1.\u{0}.\u{0}",
  ])
  func `malformed texts are refused`(text: String) throws {
    let error = try error(text)
    #expect(error == .malformed || error == .unsupportedVersion || error == .unknownIssuer)
  }

  @Test func `huge texts are refused before anything is computed`() throws {
    #expect(try error(String(repeating: "a", count: 2049)) == .tooLong)
    #expect(try error(String(repeating: ".", count: 100_000)) == .tooLong)
    #expect(try error(String(repeating: ".", count: 2048)) == .malformed)
  }

  @Test(arguments: [
    ("exp=1800000060\n", ""), ("aud=llm-router\n", ""), ("sub=key:test\n", ""), ("scope=api models\n", ""),
    ("\ntenant=tenant_00000000000070008000000000000001", ""),
  ])
  func `no claim that matters may be missing`(part: String, replacement: String) throws {
    #expect(try error(Samples.forge(Samples.claims.replacing(part, with: replacement))) == .notPermitted)
  }

  @Test(arguments: [
    // Twice, out of order, unknown.
    ("sub=key:test", "sub=key:test\nsub=key:admin"), ("exp=1800000060", "exp=1800000060\nexp=1900000060"),
    ("exp=1800000060\nsub=key:test", "sub=key:test\nexp=1800000060"), ("sub=key:test", "sub=key:test\nadmin=1"),
    ("aud=llm-router", "alg=none\naud=llm-router"), ("aud=llm-router", "AUD=llm-router"),
    // Empty, with control characters, without a value.
    ("sub=key:test", "sub="), ("sub=key:test", "sub=a\tb"), ("sub=key:test", "sub"), ("sub=key:test", "=x"),
    ("sub=key:test", "sub=a\r"), ("sub=key:test", "sub=\u{7F}"), ("sub=key:test", "\nsub=key:test"),
    // Numbers, words and ids in another form.
    ("1800000060", "+1800000060"), ("1800000060", "01800000060"), ("1800000060", "1.8e9"), ("1800000060", "0"),
    ("1800000060", "9999999999999"), ("1800000060", "-1"), ("1800000060", " 1800000060"),
    ("api models", "models api"), ("api models", "api api"), ("api models", "api  models"), ("api models", "api "),
    ("api models", "everything"), ("llm-router", "llm-router orchestrator"), ("llm-router", "*"),
    ("tenant_00000000000070008000000000000001", "tenant_0000000000007000800000000000000A"),
    ("tenant_00000000000070008000000000000001", "run_00000000000070008000000000000001"),
    ("tenant_00000000000070008000000000000001", "tenant_00000000000070008000000000000001\n"),
  ])
  func `claims have one form`(part: String, replacement: String) throws {
    let forged = Samples.forge(Samples.claims.replacing(part, with: replacement))
    #expect(try error(forged) == .malformed)
  }

  @Test func `claims of a step are complete and well formed`() throws {
    func forge(_ step: String) -> String {
      Samples.forge(
        Samples.claims.replacing("api models", with: "models step") + step, issuer: "orchestrator", id: "s1",
        secret: Samples.stepSecret)
    }
    let whole = "\nrun=\(Samples.run)\nstep=\(Samples.step)\nlease=0123456789abcdef"
    #expect(try error(forge(whole)) == nil)
    for line in whole.split(separator: "\n") {
      #expect(try error(forge(whole.replacing("\n\(line)", with: ""))) == .notPermitted)
    }
    for lease in ["0123456789ABCDEF", "123456789abcdef", "00123456789abcdef", "+123456789abcdef", "é123456789abcde"] {
      #expect(try error(forge(whole.replacing("0123456789abcdef", with: lease))) == .malformed)
    }
    #expect(try error(forge(whole.replacing("run_", with: "task_"))) == .malformed)
  }

  @Test func `texts of a caller are brought into the form of claims`() throws {
    let long = String(repeating: "é", count: 200)
    let caller = Caller(
      issuer: .gateway, tenant: Samples.tenant, principal: "", scopes: [.api, .step], project: "a\nscope=operator",
      group: "", agent: long)
    #expect(caller.principal == "unknown")
    #expect(caller.scopes == .api)
    #expect(caller.project == "a\u{FFFD}scope=operator")
    #expect(caller.group == nil)
    #expect(caller.agent == String(repeating: "é", count: 128))
    let assertion = Samples.assertion(caller)
    let text = Samples.sign(assertion, try Samples.gatewayKeys())
    #expect(try Samples.router().verify(text, now: now) == assertion)
  }

  @Test func `the longest assertion can be verified`() throws {
    let long = String(repeating: "x", count: 256)
    let caller = Caller(
      issuer: .orchestrator, tenant: Samples.tenant, principal: long, scopes: [.models, .step], project: long,
      group: long, agent: long, step: Samples.worker().step)
    let id = String(repeating: "k", count: 32)
    let keys = try Samples.keys(.orchestrator, "\(id):\(Samples.stepSecret)")
    let text = Samples.sign(Samples.assertion(caller, for: [.orchestrator, .router]), keys)
    #expect(text.utf8.count <= AssertionVerifier.bytesMax)
    #expect(try error(text, AssertionVerifier(audience: .router, trusting: [keys])) == nil)
  }

  @Test func `a lease is bound by its token`() {
    let token = UUID(high: 5, low: 6)
    #expect(LeaseBinding(token: token) == Samples.lease)
    #expect(LeaseBinding(token: UUID(high: 5, low: 7)) != Samples.lease)
  }
}
