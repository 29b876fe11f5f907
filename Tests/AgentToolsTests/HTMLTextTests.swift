import AgentTools
import Testing

@Suite struct HTMLTextTests {
  @Test(arguments: [
    ("<p>a</p><p>b</p>", "a\n\nb"), ("<h1>T</h1>x", "# T\n\nx"), ("<ul><li>a<li>b</ul>c", "- a\n- b\n\nc"),
    ("a<br>b", "a\nb"), ("<a href='/x'>t</a>", "t (/x)"), ("<a href=\"#x\">t</a>", "t"),
    ("<a href=javascript:x>t</a>", "t"),
    ("x<script>alert('</p>')</script>y", "xy"), ("<style>p{}</style>y", "y"), ("<SCRIPT>a</ScRiPt>y", "y"),
    ("a &amp; b &lt;c&gt; &#65;&#x42; &nope; &", "a & b <c> AB &nope; &"), ("a&nbsp;b", "a b"),
    ("<!-- x --><p>a<!-- > -->b", "ab"), ("<!doctype html><title>T</title><body>x", "T\n\nx"),
    ("<table><tr><td>a<td>b</tr><tr><th>c<th>d</table>", "a | b\nc | d"), ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
    ("a   \n\t b", "a b"), ("<img alt='cat' src=x>", "[image: cat]"), ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ("a<p", "a"), ("<a title='>' href=/y>t</a>", "t (/y)"), ("<script>never closed", ""), ("<!-- never", ""), ("", ""),
    ("&#0;&#xD800;&#99999999;", "\u{FFFD}\u{FFFD}\u{FFFD}"), ("<a href=\"/?a=1&amp;b=2\">t</a>", "t (/?a=1&b=2)"),
  ])
  func `pages`(_ html: String, _ text: String) { #expect(HTMLText.convert(html, bytesMax: 1000) == text) }

  @Test func `output is bounded and whole`() {
    for bytesMax in 0..<40 {
      let text = HTMLText.convert("<p>" + String(repeating: "é😀", count: 30), bytesMax: bytesMax)
      #expect(text.utf8.count <= bytesMax)
      #expect(!text.contains("\u{FFFD}"))
    }
  }

  /// Pages that make careless converters slow or deep.
  @Test(arguments: [
    String(repeating: "<div>", count: 200_000), String(repeating: "<", count: 1_000_000),
    String(repeating: "<a \"", count: 200_000), String(repeating: "<!--", count: 200_000),
    String(repeating: "<script>", count: 100_000), String(repeating: "&", count: 1_000_000),
    String(repeating: "<a href='", count: 100_000), String(repeating: "<a b=\"c", count: 50_000) + ">",
    String(repeating: "</p></pre>", count: 100_000), String(repeating: "<a ", count: 200_000),
  ])
  func `hostile pages end`(_ html: String) {
    let text = HTMLText.convert(html, bytesMax: 100_000)
    #expect(text.utf8.count <= 100_000)
  }

  @Test func `types and characters of answers`() {
    #expect(ContentKind("text/HTML; charset=utf-8") == .html)
    #expect(ContentKind("application/problem+json") == .json)
    #expect(ContentKind("text/csv") == .text)
    #expect(ContentKind("image/png") == .binary)
    #expect(ContentKind(nil) == .binary)
    #expect(ContentKind.decode([0x80, 0xE9], contentType: "text/plain; charset=windows-1252") == "€é")
    #expect(ContentKind.decode([0xFF, 0xFE, 0x41, 0x00], contentType: nil) == "A")
    #expect(ContentKind.decode([0xC3, 0xA9, 0xFF], contentType: nil) == "é\u{FFFD}")
    #expect(ContentKind.looksLikeText(Array("abc\n".utf8)))
    #expect(!ContentKind.looksLikeText([0x7F, 0x45, 0x4C, 0x46, 0]))
  }
}
