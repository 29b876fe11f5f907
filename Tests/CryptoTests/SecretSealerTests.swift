import Crypto
import Testing

@Suite struct SecretSealerTests {
  private static let place = SealedPlace(tenant: "tenant_1", table: "mcp_server", id: "mcp_1")
  private static let plain = Array("a secret".utf8)

  private static func sealer(_ ids: String...) -> SecretSealer {
    SecretSealer(keys: ids.map { (id: Array($0.utf8), secret: Array("secret of \($0)".utf8)) })
  }

  @Test func `what is sealed opens at its place`() throws {
    let sealer = Self.sealer("one")
    let sealed = try #require(sealer.seal(Self.plain, at: Self.place))
    #expect(sealer.open(sealed, at: Self.place) == Self.plain)
    #expect(sealed.firstRange(of: Self.plain) == nil)
    // Each has a data key and nonces of its own.
    #expect(try #require(sealer.seal(Self.plain, at: Self.place)) != sealed)
    #expect(sealer.seal([], at: Self.place).flatMap { sealer.open($0, at: Self.place) } == [])
  }

  @Test(arguments: [
    SealedPlace(tenant: "tenant_2", table: "mcp_server", id: "mcp_1"),
    SealedPlace(tenant: "tenant_1", table: "second_factor", id: "mcp_1"),
    SealedPlace(tenant: "tenant_1", table: "mcp_server", id: "mcp_2"),
    SealedPlace(tenant: "tenant_1mcp_server", table: "", id: "mcp_1"),
  ])
  func `another place opens nothing`(other: SealedPlace) throws {
    let sealer = Self.sealer("one")
    let sealed = try #require(sealer.seal(Self.plain, at: Self.place))
    #expect(sealer.open(sealed, at: other) == nil)
    #expect(sealer.rewrapped(sealed, at: other) == nil)
  }

  @Test func `every changed bit and every cut is found`() throws {
    let sealer = Self.sealer("one")
    let sealed = try #require(sealer.seal(Self.plain, at: Self.place))
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(sealer.open(changed, at: Self.place) == nil, "byte \(index)")
      #expect(sealer.open(Array(sealed.prefix(index)), at: Self.place) == nil, "cut at \(index)")
    }
  }

  @Test func `a change of keys wraps the data key anew and leaves the secret as it is`() throws {
    let old = Self.sealer("old")
    let both = Self.sealer("new", "old")
    let new = Self.sealer("new")
    let sealed = try #require(old.seal(Self.plain, at: Self.place))
    #expect(old.isCurrent(sealed))
    #expect(!both.isCurrent(sealed))
    #expect(both.open(sealed, at: Self.place) == Self.plain)
    #expect(new.open(sealed, at: Self.place) == nil)
    #expect(new.rewrapped(sealed, at: Self.place) == nil)
    let again = try #require(both.rewrapped(sealed, at: Self.place))
    #expect(both.isCurrent(again))
    #expect(new.open(again, at: Self.place) == Self.plain)
    #expect(old.open(again, at: Self.place) == nil)
    #expect(again.suffix(Self.plain.count + 28) == sealed.suffix(Self.plain.count + 28))
  }

  @Test func `without keys nothing is sealed`() {
    let none = SecretSealer(keys: [])
    #expect(!none.canSeal)
    #expect(none.seal(Self.plain, at: Self.place) == nil)
    #expect(none.open([2, 0], at: Self.place) == nil)
    #expect(none.open([], at: Self.place) == nil)
  }

  @Test func `erased bytes are gone`() {
    var bytes = Self.plain
    Secrets.erase(&bytes)
    #expect(bytes.isEmpty)
  }
}
