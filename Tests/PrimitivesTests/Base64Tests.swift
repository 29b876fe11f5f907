import Primitives
import Testing

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `it matches the vectors of RFC 4648`(text: String, encoded: String) {
    #expect(Base64.encode(Array(text.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(text.utf8))
  }

  @Test(arguments: ["A", "AA", "AAA", "=", "====", "A===", "AA=A", "Zh==", "Zm9=", "Zm9v\n", "Zm-_", "Zm9v Zg=="])
  func `what is not canonical is refused`(text: String) { #expect(Base64.decode(text) == nil) }

  @Test func `the alphabet of URLs, padding and loose bits are choices`() {
    #expect(Base64.encode([0xFB, 0xFF], .url) == "-_8=" && Base64.encode([0xFB, 0xFF], .url, pads: false) == "-_8")
    #expect(Base64.decode(unpadded: Array("-_8".utf8)[...], .url) == [0xFB, 0xFF])
    #expect(Base64.decode(unpadded: Array("-_8".utf8)[...]) == nil)
    #expect(Base64.decode(unpadded: Array("-_9".utf8)[...], .url) == nil)
    #expect(Base64.decode(unpadded: Array("-_9".utf8)[...], .url, dropsRest: true) == [0xFB, 0xFF])
    #expect(Base64.decode(unpadded: Base64.withoutPadding(Array("Zg==".utf8))) == [0x66])
    #expect(Base64.decode(unpadded: Base64.withoutPadding(Array("Zg".utf8))) == [0x66])
  }

  @Test func `all bytes come back`() {
    for count in 0...300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
  }
}
