import Contracts
import Testing

@Suite struct ArtefactNameTests {
  @Test(arguments: [
    "a", "plot.png", "a/b/c.txt", "näïve/日本.csv", "a b", ".hidden", "...", "a..b", "con", "a:b", "'\"<>|*?",
    "می\u{200C}خواهم.txt", "👩\u{200D}💻.png", "❤\u{FE0F}.txt",
    String(repeating: "x", count: 255),
  ])
  func `a relative path of plain segments is a name`(_ text: String) {
    #expect(ArtefactName(text)?.text == text)
  }

  @Test(arguments: [
    "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/./b", "a\\b", "a\u{0}b", "a\nb", "a\u{7F}b", "a\u{85}b",
    "a\u{202E}gnp.exe", "a\u{2028}b", "\u{FEFF}a", "a\u{2066}b", "a\u{200B}b", "a\u{AD}b",
    "a\u{3164}", "\u{200D}a", "a/\u{FE0F}b", "a\u{200D}\u{200D}b", "a\u{E0041}", "a\u{2060}b", "a\u{180E}b",
    String(repeating: "x", count: 256),
    Array(repeating: "a", count: 17).joined(separator: "/"), String(repeating: "abcdefg/", count: 70) + "a",
  ])
  func `anything else is none`(_ text: String) { #expect(ArtefactName(text) == nil) }

  /// Two names that look the same and have other bytes are two files.
  @Test func `names are compared by their bytes`() throws {
    let composed = try #require(ArtefactName("\u{E9}"))
    let decomposed = try #require(ArtefactName("e\u{301}"))
    #expect(composed.text == decomposed.text)
    #expect(composed != decomposed)
    #expect(Set([composed, decomposed]).count == 2)
  }

  @Test(
    arguments: [
      ("a.png", nil, "image/png"), ("x/A.PNG", nil, "image/png"), ("a.html", "image/png", "text/html"),
      ("a", "text/csv; charset=utf-8", "text/csv"), ("a", "application/x-evil", MediaType.unknown),
      ("a", nil, MediaType.unknown), ("a.", "TEXT/PLAIN", "text/plain"), ("x.png/a", nil, MediaType.unknown),
    ] as [(String, String?, String)])
  func `the media type is that of the name, or a known one that was stated`(
    name: String, stated: String?, type: String
  ) throws {
    #expect(MediaType.of(try #require(ArtefactName(name)), stated: stated) == type)
  }

  @Test func `downloads state no type that a browser carries out`() {
    for type in ["text/html", "image/svg+xml", "text/javascript", "application/xml", "application/x-evil", ""] {
      #expect(MediaType.ofDownload(type) == MediaType.unknown)
    }
    #expect(MediaType.ofDownload("image/png") == "image/png")
  }
}
