import Contracts
import GatewayIdentity
import GatewayRequests
import HTTPWire
import Primitives
import SystemSources
import Telemetry
import Testing

@testable import GatewayAccounts

extension AccountTests {
  @Suite(.serialized) struct HostileTests {
    @Test func `every declared address of accounts is answered`() async throws {
      try await AccountsGateway.run { gateways in
        let routes = AccountRoutes(
          storage: gateways[0].accounts.storage, hasher: gateways[0].accounts.hasher, directory: nil)
        #expect(Set(Routes.accounts.map(\.description)) == Set(routes.table.keys))
        #expect(Routes.of(.gateway).filter { Routes.accounts.contains($0) } == Routes.accounts)
      }
    }

    @Test func `documents that are not right are refused with the members at fault`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let long = String(repeating: "a", count: 101)
        let cases: [(String, String, String)] = [
          ("/api/v1/invitations", "{}", "/email"), ("/api/v1/invitations", #"{"email": 5}"#, "/email"),
          ("/api/v1/invitations", #"{"email": "a@b\r\nBcc: c@d"}"#, "/email"),
          ("/api/v1/invitations", #"{"email": "a@b", "role": "root"}"#, "/role"),
          ("/api/v1/invitations", #"{"email": "a@b", "expires_in_seconds": 1e99}"#, "/expires_in_seconds"),
          ("/api/v1/invitations", #"{"email": "a@b", "tenant_id": "x"}"#, "/tenant_id"),
          ("/api/v1/service-accounts", #"{"name": ""}"#, "/name"),
          ("/api/v1/service-accounts", #"{"name": "\#(long)"}"#, "/name"),
          ("/api/v1/service-accounts", #"{"name": "a\u001b[2J"}"#, "/name"),
          ("/api/v1/service-accounts", #"{"name": "a\u202eb"}"#, "/name"),
          ("/api/v1/service-accounts", #"{"name": "\u0000"}"#, "/name"),
          ("/api/v1/keys", #"{"name": "k"}"#, "/service_account_id"),
          ("/api/v1/keys", #"{"name": "k", "service_account_id": "x", "grants": []}"#, "/grants"),
          ("/api/v1/keys", #"{"name": "k", "service_account_id": "x", "grants": ["root"]}"#, "/grants"),
          (
            "/api/v1/keys", #"{"name": "k", "service_account_id": "x", "expires_at": "2001-01-01T00:00:00Z"}"#,
            "/expires_at"
          ),
          ("/api/v1/keys", #"{"name": "k", "service_account_id": "x", "expires_at": "soon"}"#, "/expires_at"),
          ("/operator/v1/tenants", #"{"name": "x", "owner_email": "nobody"}"#, "/owner_email"),
          ("/api/v1/invitations/accept", #"{"token": "x"}"#, "/password"),
        ]
        for (path, body, pointer) in cases {
          let answer = try await gateway.send(.post, path, body)
          #expect(answer.status == 422 && answer.text.contains(#""pointer":"\#(pointer)""#), "\(body): \(answer.text)")
        }
        #expect(try await gateway.send(.post, "/api/v1/invitations", "[").status == 400)
        #expect(
          try await gateway.send(.post, "/api/v1/invitations", String(repeating: "[", count: 10_000)).status == 400)
        #expect(
          try await gateway.send(.post, "/api/v1/invitations", String(repeating: " ", count: 17 << 10)).status == 413)
        for cursor in ["x", "user_1", "%00", "key_'or'1'='1", "tenant_\(String(repeating: "0", count: 32))"] {
          #expect(try await gateway.send(.get, "/api/v1/users?cursor=\(cursor)").status == 400, "\(cursor)")
        }
        for id in ["x", "user_", "..%2f..", "user_%27%20or%201=1", "svc_\(String(repeating: "0", count: 32))"] {
          #expect(try await gateway.send(.get, "/api/v1/users/\(id)").status == 404, "\(id)")
        }
      }
    }

    @Test func `texts that are no keys are refused alike, and none is let in by another way`() async throws {
      try await AccountsGateway.run { gateways in
        let gateway = gateways[0]
        let (_, key, _) = try await gateway.user(.member)
        let invented = SecretText(.key, id: UUID.version7(), random: SystemRandom.bytes(SecretText.randomBytes)).text
        // The right id with another secret.
        let id = try #require(SecretText(.key, key)).id
        let guessed = SecretText(.key, id: id, random: SystemRandom.bytes(SecretText.randomBytes)).text
        let unknown = try await gateway.send(.get, "/api/v1/me", key: invented)
        let wrong = try await gateway.send(.get, "/api/v1/me", key: guessed)
        #expect(unknown.status == 401 && wrong.status == 401 && unknown["detail"] == wrong["detail"])
        for text in [
          "", "x", "cadre_", String(repeating: "a", count: 9000), "Bearer", key.uppercased(), key + "0",
          String(key.dropLast()), "cadre_inv_" + key.dropFirst(6), "cadre_vk_x", "' or 1=1 --",
        ] {
          let answer = try await gateway.send(.get, "/api/v1/me", key: text)
          #expect(answer.status == 401, "\(text.prefix(40))")
          #expect(answer.headers["www-authenticate"]?.hasPrefix("Bearer") == true)
        }
        #expect(try await gateway.send(.get, "/api/v1/me", key: nil).status == 401)
        let both = try await gateway.send(.get, "/api/v1/me", key: key, headers: [("x-api-key", invented)])
        #expect(both.status == 200)
        let twice = try await gateway.send(.get, "/api/v1/me", key: key, headers: [("authorization", "Bearer \(key)")])
        #expect(twice.status == 401)
        #expect(try await gateway.send(.get, "/api/v1/me", key: nil, headers: [("x-api-key", key)]).status == 200)
        #expect(
          try await gateway.send(.get, "/api/v1/me", key: nil, headers: [("authorization", "Basic \(key)")]).status
            == 401)
        // An invitation is no key, and a key no invitation.
        let accepted = try await gateway.send(
          .post, "/api/v1/invitations/accept", #"{"token": "\#(key)", "key": {"name": "k"}}"#, key: nil)
        #expect(accepted.status == 403 && accepted.code == "invitation_invalid")
      }
    }
  }
}
