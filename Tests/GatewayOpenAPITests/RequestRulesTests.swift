import Contracts
import HTTP
import HTTPWire
import Testing

@testable import GatewayOpenAPI

@Suite struct RequestRulesTests {
  private let rules: [String: RequestRules.Rule] = [
    "limit": .init(isRepeated: false, bytesMax: .max), "type": .init(isRepeated: true, bytesMax: 5),
  ]

  private func faults(_ query: String) throws -> [String] {
    RequestRules.faults(try QueryItems(query), rules).map { "\($0.pointer) \($0.code)" }
  }

  @Test func `lets known items pass`() throws {
    #expect(try faults("limit=1&type=a&type=b") == [])
  }

  @Test func `names every item that is not known, once`() throws {
    #expect(try faults("limt=1&limt=2&x=3") == ["?limt unknown", "?x unknown"])
  }

  @Test func `refuses a single item that comes twice`() throws {
    #expect(try faults("limit=1&limit=2") == ["?limit repeated"])
  }

  @Test func `refuses a text that is longer than the description allows`() throws {
    #expect(try faults("type=abcdef") == ["?type too_long"])
  }

  @Test func `repeats no more than a bounded part of a name`() throws {
    let fault = try #require(try faults(String(repeating: "n", count: 5000) + "=1").first)
    #expect(fault.utf8.count < 100)
  }
}
