import Contracts
import GatewayRequests
import Primitives
import SystemSources
import Testing

@testable import GatewayAccounts

@Suite struct SecretTextTests {
  private let id = UUID.version7()

  private func key() -> SecretText { SecretText(.key, id: id, random: SystemRandom.bytes(SecretText.randomBytes)) }

  @Test func `a text is read as it was made`() throws {
    let made = key()
    #expect(made.text.hasPrefix("cadre_") && made.text.utf8.count == 95)
    let read = try #require(SecretText(.key, made.text))
    #expect(read.id == id && read.text == made.text)
    #expect(SecretText(.invitation, made.text) == nil)
  }

  @Test func `every change of a byte is noticed without asking anybody`() {
    let text = Array(key().text.utf8)
    for index in text.indices {
      var changed = text
      changed[index] = changed[index] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
      #expect(SecretText(.key, String(decoding: changed, as: UTF8.self)) == nil, "byte \(index)")
    }
    for count in 0..<text.count {
      #expect(SecretText(.key, String(decoding: text[..<count], as: UTF8.self)) == nil, "\(count) bytes")
    }
    #expect(SecretText(.key, String(decoding: text, as: UTF8.self) + "0") == nil)
    #expect(SecretText(.key, String(decoding: text, as: UTF8.self).uppercased()) == nil)
  }

  @Test func `a hash is good with its secret only, also after a new one came first`() throws {
    let old = SecretHasher(try KeyList("a:" + String(repeating: "s", count: 32), named: "keys"))
    let both = SecretHasher(
      try KeyList("b:" + String(repeating: "t", count: 32) + ",a:" + String(repeating: "s", count: 32), named: "keys"))
    let new = SecretHasher(try KeyList("b:" + String(repeating: "t", count: 32), named: "keys"))
    let text = key().text
    let hash = old.hash(text)
    #expect(hash.secret == "a" && hash.bytes.count == 32)
    #expect(old.matches(text, hash) && both.matches(text, hash) && !new.matches(text, hash))
    #expect(both.hash(text).secret == "b" && new.matches(text, both.hash(text)))
    #expect(!old.matches(text + "x", hash))
    // A name of a secret that was given to another one.
    let renamed = SecretHasher(try KeyList("a:" + String(repeating: "t", count: 32), named: "keys"))
    #expect(!renamed.matches(text, hash))
  }

  @Test(arguments: [
    ("Ada@Example.COM", "ada@example.com"), (" a@b ", "a@b"), ("o'neil+x@sub.example.org", "o'neil+x@sub.example.org"),
  ])
  func `addresses are compared in one form`(_ text: String, _ expected: String) {
    #expect(EmailAddress(text)?.text == expected)
  }

  @Test(arguments: [
    "", "a", "@b", "a@", "a@@b", "a@b@c", "a b@c", "a@b\r\nBcc: x@y", "a@.b", "a@b.", "\u{430}@b", "a@b,c@d", "<a@b>",
    String(repeating: "a", count: 65) + "@b", "a@" + String(repeating: "b", count: 260),
  ])
  func `what is no address is refused`(_ text: String) {
    #expect(EmailAddress(text) == nil)
  }

  @Test func `grants have names, and scopes for the services`() {
    #expect(Grants(name: "read") == .read && Grants(name: "Read") == nil && Grants(name: "") == nil)
    #expect(Grants.allNames.compactMap(Grants.init(name:)).reduce(into: Grants()) { $0.formUnion($1) }.rawValue == 63)
    #expect(Grants.models.scopes == .models && Grants.read.scopes == .api && Grants().scopes == [])
    #expect(Grants([.ofTenant, .operator]).scopes == [.api, .models, .operator])
    for role in Role.allCases { #expect(!Grants.most(of: role).contains(.operator)) }
    #expect(Grants.most(of: .viewer) == .read)
  }
}
