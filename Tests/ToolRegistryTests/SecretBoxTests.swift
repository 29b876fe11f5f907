import Contracts
import Crypto
import Primitives
import Testing

@testable import ToolRegistry

@Suite struct SecretBoxTests {
  private static let tenant = TenantID(UUID(high: 1, low: 1))
  private static let server = MCPServerID(UUID(high: 1, low: 2))
  private static let old = "old:\(String(repeating: "o", count: 32))"
  private static let new = "new:\(String(repeating: "n", count: 32))"
  private static let secrets = MCPSecrets(["TOKEN": "a secret"])

  private static func box(_ setting: String) throws -> SecretBox { try SecretBox(setting: setting, named: "keys") }

  /// What earlier versions have stored.
  private static func sealedByEarlierVersion() throws -> [UInt8] {
    let key = try #require(
      SealingKey(KeyDerivation.derive("cadre stored secrets v1", Array(String(repeating: "o", count: 32).utf8))))
    let head: [UInt8] = [1, 3] + Array("old".utf8)
    let context = head + Array("mcp server \(tenant) \(server)".utf8)
    return head + (try #require(key.seal(Array(#"{"values":{"TOKEN":"a secret"}}"#.utf8), context: context)))
  }

  @Test func `what is sealed opens for its server alone`() throws {
    let box = try Self.box(Self.old)
    let sealed = try #require(box.seal(Self.secrets, Self.tenant, Self.server))
    #expect(box.open(sealed, Self.tenant, Self.server)?.values == ["TOKEN": "a secret"])
    #expect(box.open(sealed, TenantID(UUID(high: 1, low: 9)), Self.server) == nil)
    #expect(box.open(sealed, Self.tenant, MCPServerID(UUID(high: 1, low: 9))) == nil)
    #expect(box.isCurrent(sealed))
  }

  @Test func `a change of keys seals anew what is old, and nothing else`() throws {
    let both = try Self.box("\(Self.new),\(Self.old)")
    for sealed in [
      try Self.sealedByEarlierVersion(),
      try #require(try Self.box(Self.old).seal(Self.secrets, Self.tenant, Self.server)),
    ] {
      #expect(both.open(sealed, Self.tenant, Self.server)?.values == ["TOKEN": "a secret"])
      #expect(!both.isCurrent(sealed))
      let again = try #require(both.resealed(sealed, Self.tenant, Self.server))
      #expect(both.isCurrent(again))
      #expect(try Self.box(Self.new).open(again, Self.tenant, Self.server)?.values == ["TOKEN": "a secret"])
      #expect(try Self.box(Self.old).open(again, Self.tenant, Self.server) == nil)
      // The key is gone: it stays as it is and is reported.
      #expect(try Self.box(Self.new).resealed(sealed, Self.tenant, Self.server) == nil)
    }
  }

  @Test func `without keys nothing is stored`() throws {
    let none = try Self.box("")
    #expect(!none.canSeal)
    #expect(none.seal(Self.secrets, Self.tenant, Self.server) == nil)
    #expect(none.open(try Self.sealedByEarlierVersion(), Self.tenant, Self.server) == nil)
    #expect(none.open([], Self.tenant, Self.server) == nil)
  }
}
