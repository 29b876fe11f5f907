import Budgets
import Contracts
import JSON
import ModelCatalog
import Testing

@Suite("Keys")
struct KeyTests {
  private let signer = KeyTests.signer("0123456789abcdef0123456789abcdef")

  private func key() -> VirtualKey {
    var key = VirtualKey(id: .make(), tenant: .make(), expiresAt: 100)
    key.run = "r"
    key.models = ["a", "b"]
    key.nanoUSD = 5
    return key
  }

  @Test func `a virtual key carries its terms and is known by any replica with the token`() {
    let key = key()
    let text = signer.sign(key)
    #expect(text.hasPrefix(VirtualKey.prefix))
    #expect(signer.open(text) == key)
    #expect(KeyTests.signer("0123456789abcdef0123456789abcdef").open(text) == key)
    #expect(key.budget?.nanoUSD == 5)
  }

  @Test func `a forged or foreign virtual key is none`() {
    let text = signer.sign(key())
    #expect(KeyTests.signer("another secret, long enough for one").open(text) == nil)
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
