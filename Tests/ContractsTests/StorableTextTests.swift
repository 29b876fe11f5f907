import Contracts
import Testing

@Suite struct StorableTextTests {
  private static let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}"

  @Test func `texts are cut by bytes at the border of a character`() {
    let long = String(repeating: StorableTextTests.family, count: 163)
    for bytesMax in [0, 1, 3, 4, 27, 28, 29, 100, 3999, 4000, 4001] {
      let cut = StorableText.make(long, bytesMax: bytesMax)
      #expect(cut.utf8.count <= bytesMax)
      #expect(cut.filter { $0 != "…" }.allSatisfy { String($0) == StorableTextTests.family } || bytesMax < 28)
    }
    #expect(StorableText.make("short", bytesMax: 5) == "short")
    // One character that is longer than everything that is allowed.
    let heap = "e" + String(repeating: "\u{301}", count: 5000)
    let cut = StorableText.make(heap, bytesMax: 100)
    #expect(cut.utf8.count <= 100 && cut.utf8.count > 90)
  }

  @Test func `no text holds U+0000, and none is empty where one is due`() {
    #expect(StorableText.make("a\0b", bytesMax: 10) == "a\u{FFFD}b")
    #expect(StorableText.make("", bytesMax: 10, fallback: "x") == "x")
  }
}
