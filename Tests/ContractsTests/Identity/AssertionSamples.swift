import Contracts
import Crypto
import Primitives

/// Keys and assertions of the tests of identity.
enum Samples {
  static let now = Timestamp(unixMicroseconds: 1_800_000_000_000_000)
  static let seconds: Int64 = 1_800_000_000
  static let tenant = TenantID("tenant_00000000000070008000000000000001") ?? TenantID(UUID(high: 0, low: 1))
  static let run = RunID(UUID(high: 1, low: 2))
  static let step = StepID(UUID(high: 3, low: 4))
  static let lease = LeaseBinding(token: UUID(high: 5, low: 6))

  static let gatewaySecret = "gateway-secret-0123456789-0123456789"
  static let newGatewaySecret = "gateway-secret-new-0123456789-012345"
  static let stepSecret = "step-secret-0123456789-0123456789-01"

  static func keys(_ issuer: Issuer, _ setting: String) throws -> SigningKeys {
    try SigningKeys(issuer: issuer, setting: setting, named: "keys")
  }

  static func gatewayKeys() throws -> SigningKeys { try keys(.gateway, "g1:\(gatewaySecret)") }
  static func stepKeys() throws -> SigningKeys { try keys(.orchestrator, "s1:\(stepSecret)") }

  static func caller(_ scopes: Scopes = [.api, .models]) -> Caller {
    Caller(issuer: .gateway, tenant: tenant, principal: "key:test", scopes: scopes)
  }

  static func worker() -> Caller {
    Caller(
      issuer: .orchestrator, tenant: tenant, principal: "key:test", scopes: [.models, .step], project: "a project",
      agent: "planner", step: Caller.Step(run: run, id: step, lease: lease))
  }

  static func assertion(
    _ caller: Caller = caller(), for audiences: Audiences = .router, expiresIn: Int64 = 60
  ) -> Assertion {
    Assertion(caller: caller, audiences: audiences, expiresAt: seconds + expiresIn)
  }

  static func sign(_ assertion: Assertion, _ keys: SigningKeys) -> String {
    AssertionSigner(keys).sign(assertion)
  }

  static func router() throws -> AssertionVerifier {
    AssertionVerifier(audience: .router, trusting: [try gatewayKeys(), try stepKeys()])
  }

  /// Signs any claims as the owner of a secret could.
  static func forge(
    _ claims: String, issuer: String = "gateway", id: String = "g1", secret: String = gatewaySecret
  ) -> String {
    let key = Digest.hmacSHA256(Array("cadre assertion v1 \(issuer)".utf8), key: Array(secret.utf8))
    let signed = "v1.\(issuer).\(id).\(base64URL(Array(claims.utf8)))"
    return signed + "." + base64URL(Digest.hmacSHA256(Array(signed.utf8), key: key))
  }

  static let claims =
    "aud=llm-router\nexp=1800000060\nsub=key:test\nscope=api models\ntenant=tenant_00000000000070008000000000000001"

  /// An implementation by the letter of RFC 4648, to compare with.
  static func base64URL(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
    return String(
      stride(from: 0, to: bits.count, by: 6).map { start in
        digits[(0..<6).reduce(0) { $0 << 1 | (start + $1 < bits.count ? Int(bits[start + $1]) : 0) }]
      })
  }
}
