import Contracts
import Testing

@Suite struct KeyListTests {
  private static let secret = "0123456789abcdef0123456789abcdef"

  private func fault(_ setting: String) -> String? {
    do {
      _ = try KeyList(setting, named: "identity.step_keys")
      return nil
    } catch { return error.description }
  }

  @Test func `lists are read in their order`() throws {
    let list = try KeyList("b:\(KeyListTests.secret),\n a-2:\(KeyListTests.secret)x\n", named: "keys")
    #expect(list.keys.map { String(decoding: $0.id, as: UTF8.self) } == ["b", "a-2"])
    #expect(list.keys.map(\.secret.count) == [32, 33])
  }

  @Test(arguments: [
    ("", "id:secret"), ("secret-without-an-id", "id:secret"), ("a:\(secret),", "id:secret"), (":\(secret)", "an id"),
    ("A:\(secret)", "an id"), ("a.b:\(secret)", "an id"), ("\(String(repeating: "a", count: 33)):\(secret)", "an id"),
    ("a:short", "5 bytes"), ("a:\(secret.dropLast())", "31 bytes"),
    ("a:\(String(repeating: "0123456789", count: 26))", "260 bytes"),
    ("a:\(secret) x", "other characters"), ("a:\(secret)é", "other characters"), ("a:\(secret):", "other characters"),
    ("a:\(secret),a:\(secret)x", "the id a twice"), ("a:\(secret),b:\(secret)", "a secret twice"),
    ((0...8).map { "k\($0):\(secret)\($0)" }.joined(separator: ","), "9 keys"),
  ])
  func `unusable lists say what is wrong, and no secret`(setting: String, part: String) {
    let fault = fault(setting)
    #expect(fault?.contains(part) == true, "\(fault ?? "accepted")")
    #expect(fault?.contains("identity.step_keys") == true)
    #expect(fault?.contains("0123456789") != true)
  }

  @Test func `issuers share no secret`() throws {
    let gateway = try SigningKeys(issuer: .gateway, setting: "a:\(KeyListTests.secret)", named: "g")
    let same = try SigningKeys(
      issuer: .orchestrator, setting: "b:\(KeyListTests.secret)y,c:\(KeyListTests.secret)", named: "s")
    let other = try SigningKeys(issuer: .orchestrator, setting: "a:\(KeyListTests.secret)y", named: "s")
    #expect(throws: KeyListError.self) { try SigningKeys.requireDistinct([gateway, same]) }
    #expect(throws: Never.self) { try SigningKeys.requireDistinct([gateway, other]) }
  }
}
