import Synchronization
import Testing

@testable import CadreCommands

@Suite struct AdminCommandTests {
  private struct Outcome {
    var status: Int32 = 0
    var lines: [String] = []
    var errors: [String] = []
    var request = ""
  }

  private static func run(_ arguments: [String], answering body: String = "{}", status: Int = 200) throws -> Outcome {
    let server = try AnsweringServer(status: status, body: body)
    let outcome = Mutex(Outcome())
    let output = Output { text in
      outcome.withLock { $0.lines.append(text) }
    } error: { text in
      outcome.withLock { $0.errors.append(text) }
    }
    let status = CadreTool.run(
      ["admin"] + arguments + ["--url", server.url], output: output, environment: ["CADRE_API_KEY": "k"])
    return outcome.withLock { outcome in
      outcome.status = status
      outcome.request = server.request ?? ""
      return outcome
    }
  }

  @Test(arguments: [
    (["tenants", "suspend", "tenant_1"], "POST /operator/v1/tenants/tenant_1/suspend ", ""),
    (["tenants", "create", "Acme", "--owner", "a@b"], "POST /operator/v1/tenants ", #""owner_email":"a@b""#),
    (["users", "update", "user_1", "--role", "admin"], "PATCH /api/v1/users/user_1 ", #"{"role":"admin"}"#),
    (["service-accounts", "create", "ci"], "POST /api/v1/service-accounts ", #"{"name":"ci"}"#),
    (["keys", "create", "k", "--grants", "read,write"], "POST /api/v1/keys ", #""grants":["read","write"]"#),
    (["keys", "rotate", "key_1", "--overlap", "5"], "POST /api/v1/keys/key_1/rotate ", #"{"overlap_seconds":5}"#),
    (["keys", "list", "--subject", "svc_1"], "GET /api/v1/keys?limit=100&subject=svc_1 ", ""),
    (["invitations", "create", "a@b", "--role", "viewer"], "POST /api/v1/invitations ", #""role":"viewer""#),
    (["invitations", "accept", "cadre_inv_1"], "POST /api/v1/invitations/accept ", #""key":{"name":"first"}"#),
  ])
  func `a command is one request`(_ words: [String], _ head: String, _ body: String) throws {
    let outcome = try Self.run(words)
    #expect(outcome.status == 0 && outcome.request.hasPrefix(head), "\(outcome.request) \(outcome.errors)")
    #expect(body.isEmpty || outcome.request.contains(body), "\(outcome.request)")
  }

  @Test func `an answer without a body is done, and texts of others steer no terminal`() throws {
    #expect(try Self.run(["keys", "revoke", "key_1"], answering: "", status: 204).lines == ["done"])
    let shown = try Self.run(["users", "get", "user_1"], answering: #"{"name":"a\u001b[2Jb","role":"owner","x":null}"#)
    #expect(shown.lines == ["name: a [2Jb\nrole: owner"])
    let listed = try Self.run(
      ["users", "list"], answering: #"{"users":[{"id":"user_1","role":"owner","email":"a@b"}],"next_cursor":"user_1"}"#)
    #expect(listed.lines == ["user_1\towner\ta@b\t-\nmore: --cursor user_1"])
  }

  @Test func `a tenant is shown with how far each service is`() throws {
    let shown = try Self.run(
      ["tenants", "get", "tenant_1"],
      answering: #"""
        {"id":"tenant_1","state":"deleting","confirmed":false,"services":[
          {"service":"gateway","confirmed":true,"total":0,"counts":{"api_key":0},"deleted_at":"2026-01-01T00:00:00Z"},
          {"service":"orchestrator","confirmed":true,"total":12,"deleted_at":null,"failure":null},
          {"service":"llm-router","confirmed":false,"deleted_at":null,"failure":"away\u001b[2J"}]}
        """#)
    #expect(
      shown.lines == [
        """
        id: tenant_1
        state: deleting
        confirmed: false
          gateway, confirmed, 0 rows left, deleted at 2026-01-01T00:00:00Z
          orchestrator, confirmed, 12 rows left
          llm-router, not confirmed yet, away [2J
        """
      ])
  }

  @Test func `a tenant with users is not bootstrapped again, and a refusal is said`() throws {
    let again = try Self.run(["bootstrap"], answering: #"{"users":[{"id":"user_1"}]}"#)
    #expect(again.status == 1 && again.errors.first?.contains("has users already") == true)
    let refused = try Self.run(["bootstrap"], answering: #"{"detail":"No."}"#, status: 403)
    #expect(refused.status == 1 && refused.errors == ["cadre: No. (status 403)"])
    #expect(try Self.run(["keys", "get", "../x"]).status == 1)
    #expect(try Self.run(["keys", "sing"]).status == 2)
  }
}
