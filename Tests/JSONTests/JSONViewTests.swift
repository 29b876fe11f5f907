import JSON
import Testing

@Suite struct JSONViewTests {
  private let root: JSONView

  init() throws {
    root = try JSONDocument(
      parsing: #"{"a":[1,{"b":[]},"x"],"":0,"ab":{"a":{"c":2}},"esc\u0061pe":3,"last":[[],{}]}"#
    ).root
  }

  @Test func `members are found by their names, whatever stands before them and however they are written`() {
    #expect(root[""]?.int == 0 && root["ab"]?["a"]?["c"]?.int == 2 && root["escape"]?.int == 3)
    #expect(root["last"]?.count == 2 && root["last"]?[1]?.kind == .object)
    #expect(root["b"] == nil && root["esc\\u0061pe"] == nil && root["lasts"] == nil && root["a"]?["b"] == nil)
  }

  @Test func `keys are told apart by their names`() {
    let names: [StaticString] = ["a", "", "ab", "escape", "last"]
    for (index, member) in root.members.enumerated() {
      #expect(names.indices.filter { member.key.isNamed(names[$0]) } == [index])
      #expect(!member.value.isNamed("a"))
    }
  }

  @Test func `elements come in their order, each whole`() {
    let kinds = root["a"]?.elements.map(\.kind)
    #expect(kinds == [.number, .object, .string] && root["a"]?[2]?.string == "x" && root["a"]?[3] == nil)
    #expect(root["ab"]?.elements.map(\.kind) == [])
  }

  @Test func `a member is written as it stands`() {
    var writer = JSONWriter()
    writer.beginObject()
    for (key, value) in root.members { writer.member(as: key, value) }
    writer.endObject()
    #expect(writer.bytes == root.document.bytes)
  }

  @Test(
    arguments: [
      ("7", 7), ("7.0", 7), ("70e-1", 7), ("0", 0), ("100", 100), ("101", nil), ("-1", nil), ("7.5", nil),
      ("1e300", nil),
      ("\"7\"", nil), ("null", nil),
    ] as [(String, Int64?)])
  func `whole numbers are read in any notation within their range`(_ text: String, _ expected: Int64?) throws {
    #expect(try JSONDocument(parsing: text).root.whole(in: 0...100) == expected)
  }
}
