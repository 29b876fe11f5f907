import Contracts
import HTTPWire
import JSON
import ModelCatalog
import Primitives
import Reactor
import ScriptedProvider
import Synchronization
import SystemSources
import Testing

@testable import ModelCalls

@Suite("Router API", .serialized)
struct RouterRoutesTests {
  private typealias Model = CallFixture.Model

  /// The names in the member `data` of a list.
  private func names(_ answer: CallFixture.Answer) throws -> [String] {
    let root = try JSONDocument(parsing: answer.text).root
    return root["data"]?.elements.compactMap { $0["id"]?.string } ?? []
  }

  @Test(arguments: [
    "/api/v1/providers", "/api/v1/models", "/api/v1/aliases", "/api/v1/budgets", "/api/v1/rate-limits",
    "/api/v1/usage", "/api/v1/calls",
  ])
  func `every list of the management API needs an assertion`(_ path: String) async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let answer = try await fixture.send(.get, path, isAnonymous: true)
      #expect(answer.status == 401)
      #expect(answer.text.contains("assertion_missing"))
    }
  }

  @Test func `providers, models and aliases are changed by operators only`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for path in ["/api/v1/providers/p", "/api/v1/providers/p/models/m", "/api/v1/aliases/x"] {
        let answer = try await fixture.send(.put, path, body: "{}")
        #expect(answer.status == 403 && answer.text.contains("operator_required"), "\(path)")
      }
      let health = try await fixture.send(.delete, "/api/v1/providers/p/health")
      #expect(health.status == 403)
      let operatorHealth = try await fixture.send(
        .delete, "/api/v1/providers/p/health", isOperator: true)
      #expect(operatorHealth.status == 204)
    }
  }

  @Test func `a document is checked before anything is stored`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let budget = try await fixture.send(.post, "/api/v1/budgets", body: #"{"scope": "galaxy", "period": "day"}"#)
      #expect(budget.status == 422 || budget.status == 400)
      #expect(budget.text.contains("scope") && budget.text.contains("tokens"))
      let alias = try await fixture.send(
        .put, "/api/v1/aliases/x", isOperator: true, body: #"{"models": ["unknown"]}"#)
      #expect(alias.text.contains("there is no model 'unknown'"))
      let taken = try await fixture.send(
        .put, "/api/v1/aliases/a", isOperator: true, body: #"{"models": ["a"]}"#)
      #expect(taken.status == 409 && taken.text.contains("name_taken"))
    }
  }

  @Test func `without a database the management API says so, and when to try again`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for path in ["/api/v1/budgets", "/api/v1/rate-limits", "/api/v1/aliases"] {
        let answer = try await fixture.send(.get, path)
        #expect(answer.status == 503 && answer.text.contains("storage_unavailable"), "\(path): \(answer.text)")
        #expect(answer.headers[.retryAfter] == "1", "\(path)")
      }
    }
  }

  @Test(arguments: ["*", "\"x\"", "\"0\"", "\"1\", \"2\""])
  func `a version that there cannot be is refused before anything is read`(_ version: String) async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for path in ["/api/v1/providers/p", "/api/v1/providers/p/models/m", "/api/v1/aliases/x"] {
        let answer = try await fixture.send(
          .put, path, headers: [("if-match", version)], isOperator: true, body: "{}")
        #expect(answer.status == 400, "\(path): \(answer.text)")
        #expect(answer.text.contains("invalid_parameter") && answer.text.contains("If-Match"), "\(answer.text)")
      }
    }
  }

  @Test func `a malformed id names nothing, a malformed page is refused`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      for (path, code) in [
        ("budgets", "budget_not_found"), ("rate-limits", "rate_limit_not_found"), ("calls", "call_not_found"),
      ] {
        let answer = try await fixture.send(.get, "/api/v1/\(path)/none")
        #expect(answer.status == 404 && answer.text.contains("\"\(code)\""), "\(answer.text)")
      }
      for (query, pointer) in [
        ("calls?limit=501", "?limit"), ("calls?limit=0", "?limit"), ("calls?cursor=x", "?cursor"),
        ("usage?from=yesterday", "?from"), ("usage?bucket=year", "?bucket"), ("usage?group_by=moon", "?group_by"),
      ] {
        let answer = try await fixture.send(.get, "/api/v1/\(query)")
        #expect(answer.status == 400 && answer.text.contains("\"\(pointer)\""), "\(answer.text)")
      }
    }
  }

  @Test func `models are listed in the shape of each dialect, page by page`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let chat = try await fixture.send(.get, "/v1/models")
      #expect(try names(chat) == ["a", "b", "both"])
      let version = [("anthropic-version", "2023-06-01")]
      let page = try await fixture.send(.get, "/v1/models?limit=1&after_id=a", headers: version)
      #expect(try names(page) == ["b"])
      #expect(page.text.contains(#""has_more":true"#))
      let wrong = try await fixture.send(.get, "/v1/models?after_id=nothing", headers: version)
      #expect(wrong.status == 400)
      let one = try await fixture.send(.get, "/v1/models/a")
      #expect(one.status == 200)
      let none = try await fixture.send(.get, "/v1/models/nothing")
      #expect(none.status == 404 && none.headers["request-id"] != nil)
    }
  }

  @Test func `a virtual key opens the models that it names, and nothing of the management API`() async throws {
    try await CallFixture.run([Model("a"), Model("b")]) { fixture in
      let made = try await fixture.send(.post, "/api/v1/virtual-keys", body: #"{"models": ["a"], "run": "r"}"#)
      #expect(made.status == 201)
      let key = try #require(try JSONDocument(parsing: made.text).root["key"]?.string)
      let bearer = [("authorization", "Bearer \(key)")]
      func ask(_ model: String) async throws -> CallFixture.Answer {
        try await fixture.send(
          .post, "/v1/chat/completions", headers: bearer, isAnonymous: true,
          body: #"{"model": "\#(model)", "messages": [{"role": "user", "content": "x"}]}"#)
      }
      let (allowed, refused) = (try await ask("a"), try await ask("b"))
      #expect(allowed.status == 200)
      #expect(refused.status == 403 && refused.text.contains("model_not_allowed"))
      let listed = try await fixture.send(.get, "/v1/models", headers: bearer, isAnonymous: true)
      #expect(try names(listed) == ["a"])
      let management = try await fixture.send(.get, "/api/v1/budgets", headers: bearer, isAnonymous: true)
      #expect(management.status == 401)
      let forged = try await fixture.send(
        .get, "/v1/models", headers: [("authorization", "Bearer \(key.dropLast())")], isAnonymous: true)
      #expect(forged.status == 401)
    }
  }

  @Test func `a virtual key that has expired or was taken back opens nothing`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let signer = VirtualKey.Signer(try CallFixture.virtualKeys())
      func list(_ key: VirtualKey) async throws -> CallFixture.Answer {
        let bearer = [("authorization", "Bearer \(signer.sign(key))")]
        return try await fixture.send(.get, "/v1/models", headers: bearer, isAnonymous: true)
      }
      let end: Int64 = 4_000_000_000
      let (good, revoked) = (VirtualKey(id: .make(), tenant: .make(), expiresAt: end), KeyID.make())
      let listed = try await list(good)
      #expect(listed.status == 200, "\(listed.text)")
      let expired = try await list(VirtualKey(id: .make(), tenant: good.tenant, expiresAt: 1))
      #expect(expired.status == 401 && expired.text.contains("expired_api_key"), "\(expired.text)")
      fixture.calls.catalog.revokedKeys.add(
        [
          RevokedKeyRow(
            key: RevokedKey(tenant: good.tenant.uuid, id: revoked.uuid),
            expiresAt: Timestamp(unixMicroseconds: end * 1_000_000), revokedAt: Timestamp(unixMicroseconds: 0))
        ], now: Timestamp(unixMicroseconds: 0))
      let takenBack = try await list(VirtualKey(id: revoked, tenant: good.tenant, expiresAt: end))
      #expect(takenBack.status == 401 && takenBack.text.contains("revoked_api_key"), "\(takenBack.text)")
      // Ids are the tenant's own.
      let namesake = try await list(VirtualKey(id: revoked, tenant: .make(), expiresAt: end))
      #expect(namesake.status == 200)
    }
  }

  @Test func `nothing is asked of a provider for a suspended tenant, and each dialect says so`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let signer = VirtualKey.Signer(try CallFixture.virtualKeys())
      let (tenant, end) = (TenantID.make(), Int64(4_000_000_000))
      func ask(_ key: VirtualKey, _ path: String) async throws -> CallFixture.Answer {
        try await fixture.send(
          .post, path, headers: [("authorization", "Bearer \(signer.sign(key))")], isAnonymous: true,
          body: #"{"model": "a", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], "input": "x"}"#)
      }
      let key = VirtualKey(id: .make(), tenant: tenant, expiresAt: end)
      let before = try await ask(key, "/v1/chat/completions")
      #expect(before.status == 200, "\(before.text)")
      let refused = fixture.calls.catalog.refusedTenants
      try await refused.refresh { [RefusedTenant(tenant.uuid, .suspended)] }
      for path in ["/v1/chat/completions", "/v1/responses", "/v1/embeddings", "/v1/moderations"] {
        let answer = try await ask(key, path)
        let error = try JSONDocument(parsing: answer.text).root["error"]
        #expect(answer.status == 403 && error?["code"]?.string == "tenant_not_active", "\(path): \(answer.text)")
        #expect(answer.headers["x-should-retry"] == "false")
      }
      let message = try await ask(key, "/v1/messages")
      let root = try JSONDocument(parsing: message.text).root
      #expect(message.status == 403 && root["type"]?.string == "error", "\(message.text)")
      #expect(root["error"]?["type"]?.string == "permission_error")
      // A step goes on when the tenant is resumed: its attempt is not the last one.
      var step = VirtualKey(id: .make(), tenant: tenant, expiresAt: end)
      step.step = "step_1"
      #expect(try await ask(step, "/v1/chat/completions").headers["x-should-retry"] == "true")
      // Others go on, and so does the tenant once it is resumed.
      let others = try await ask(VirtualKey(id: .make(), tenant: .make(), expiresAt: end), "/v1/chat/completions")
      #expect(others.status == 200)
      try await refused.refresh { [] }
      #expect(try await ask(key, "/v1/chat/completions").status == 200)
    }
  }

  @Test func `a call of a tenant that is suspended meanwhile makes no further attempt`() async throws {
    let failing = Model("a") {
      $0.status = 500
      $0.pace.latency = .seconds(3)
    }
    try await CallFixture.run([failing, Model("b")]) { fixture in
      let signer = VirtualKey.Signer(try CallFixture.virtualKeys())
      let key = VirtualKey(id: .make(), tenant: .make(), expiresAt: 4_000_000_000)
      async let asked = fixture.send(
        .post, "/v1/chat/completions", headers: [("authorization", "Bearer \(signer.sign(key))")], isAnonymous: true,
        body: #"{"model": "both", "messages": [{"role": "user", "content": "x"}]}"#)
      while fixture.counts.calls.load(ordering: .relaxed) == 0 { try await EventLoop.sleep(for: .milliseconds(2)) }
      try await fixture.calls.catalog.refusedTenants.refresh { [RefusedTenant(key.tenant.uuid, .suspended)] }
      let answer = try await asked
      #expect(answer.status == 403 && answer.text.contains("tenant_not_active"), "\(answer.text)")
      #expect(fixture.counts.calls.load(ordering: .relaxed) == 1)
    }
  }

  @Test func `tokens are counted by estimate where the provider cannot`() async throws {
    try await CallFixture.run([Model("a")]) { fixture in
      let counted = try await fixture.send(
        .post, "/v1/messages/count_tokens",
        body: #"{"model": "a", "messages": [{"role": "user", "content": "hello there"}]}"#)
      #expect(counted.status == 200)
      #expect((try JSONDocument(parsing: counted.text).root["input_tokens"]?.int ?? 0) > 0)
      let wrong = try await fixture.send(.post, "/v1/messages/count_tokens", body: #"{"model": "a"}"#)
      #expect(wrong.status == 400)
    }
  }
}
