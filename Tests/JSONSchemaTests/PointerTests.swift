import Testing

@testable import JSONSchema

@Suite struct PointerTests {
  @Test func `parts are unescaped once`() {
    #expect(JSONPointer.parts(of: "") == [])
    #expect(JSONPointer.parts(of: "/") == [""])
    #expect(JSONPointer.parts(of: "/a~01/~1b//") == ["a~1", "/b", "", ""])
  }

  @Test(arguments: ["a", "/~", "/~2", "#/a"])
  func `what is no pointer is refused`(_ text: String) { #expect(JSONPointer.parts(of: text) == nil) }
}
