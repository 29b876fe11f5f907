import Budgets
import Contracts
import JSON
import ModelCatalog
import SystemSources
import Testing

@Suite("Keys")
struct KeyTests {
  private static let secret = "0123456789abcdef0123456789abcdef"
  private let signer: VirtualKey.Signer

  init() throws { signer = try KeyTests.makeSigner("a:\(KeyTests.secret)") }

  private static func makeSigner(_ keys: String) throws -> VirtualKey.Signer {
    VirtualKey.Signer(try KeyList(keys, named: "virtual_keys.signing_keys"))
  }

  private func key() -> VirtualKey {
    var key = VirtualKey(id: .make(), tenant: .make(), expiresAt: 100)
    key.run = "r"
    key.models = ["a", "b"]
    key.nanoUSD = 5
    return key
  }

  @Test func `a virtual key carries its terms and is known by any replica with the secret`() throws {
    let key = key()
    let text = signer.sign(key)
    #expect(text.hasPrefix(VirtualKey.prefix))
    #expect(signer.open(text) == key)
    #expect(try KeyTests.makeSigner("a:\(KeyTests.secret)").open(text) == key)
    // After a rotation the old secret still verifies.
    #expect(try KeyTests.makeSigner("b:another-secret-long-enough-for-one,a:\(KeyTests.secret)").open(text) == key)
    #expect(key.budget?.nanoUSD == 5)
  }

  @Test func `a forged or foreign virtual key is none`() throws {
    let text = signer.sign(key())
    #expect(try KeyTests.makeSigner("b:another-secret-long-enough-for-one").open(text) == nil)
    let last = text.last == "0" ? "1" : "0"
    #expect(signer.open(text.dropLast() + last) == nil)
    var bytes = Array(text.utf8)
    let place = VirtualKey.prefix.utf8.count + 3
    bytes[place] = bytes[place] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
    #expect(signer.open(String(decoding: bytes, as: UTF8.self)) == nil)
    #expect(signer.open(VirtualKey.prefix) == nil)
  }

  @Test(arguments: [
    (#"{"env": "OPENAI_API_KEY"}"#, KeySource?.some(.environment("OPENAI_API_KEY"))),
    (#"{"file": "openai"}"#, .file("openai")), (#"{"env": "PATH"}"#, nil), (#"{"env": "CADRE_API_KEY"}"#, nil),
    (#"{"file": "../secret"}"#, nil), (#"{"file": "a/b"}"#, nil), (#"{"file": ".."}"#, nil), (#"{"file": ""}"#, nil),
    (#"{"env": "A_API_KEY", "file": "a"}"#, nil), (#""text""#, nil),
  ])
  func `a key is named by a variable for keys or a plain file, by nothing else`(
    _ text: String, _ expected: KeySource?
  ) throws {
    #expect(KeySource(try JSONDocument(parsing: text).root) == expected)
  }
}
