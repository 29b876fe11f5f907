import ContentCoding
import Testing

@Suite struct ContentDecoderTests {
  /// Feeds `bytes` in pieces of `step` and returns all that comes out.
  private func decode(
    _ codings: [ContentCoding], _ bytes: [UInt8], step: Int = .max, limit: Int = 1 << 24
  ) throws(ContentCodingError) -> [UInt8] {
    let decoder = try ContentDecoder(codings, bytesMax: limit)
    var out: [UInt8] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      decoder.feed(Array(rest.prefix(step)))
      rest = rest.dropFirst(step)
      while let piece = try decoder.next() {
        if piece.count > ContentDecoder.pieceBytesMax { Issue.record("a piece of \(piece.count) bytes") }
        out += piece
      }
    }
    try decoder.finish()
    if !decoder.isDrained { Issue.record("something is left") }
    return out
  }

  private static let text = Array(#"{"model":"m","messages":[{"role":"user","content":"hi"}]}"#.utf8)
  private static let large = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  @Test(arguments: [1, 7, 4096, Int.max])
  func `every coding gives back what was packed, however it arrives`(step: Int) throws {
    for content in [ContentDecoderTests.text, step == 1 ? [] : ContentDecoderTests.large, []] {
      #expect(try decode([.gzip], Compress.gzip(content), step: step) == content)
      #expect(try decode([.deflate], Compress.zlib(content), step: step) == content)
      #expect(try decode([.deflate], Compress.raw(content), step: step) == content)
      #expect(try decode([.zstd], Compress.zstd(content), step: step) == content)
      #expect(try decode([.gzip, .zstd], Compress.zstd(Compress.gzip(content)), step: step) == content)
      #expect(
        try decode([.zstd, .deflate, .gzip], Compress.gzip(Compress.zlib(Compress.zstd(content))), step: step)
          == content)
    }
  }

  @Test func `several members and frames are one content`() throws {
    let (a, b) = (Array("one ".utf8), Array("two".utf8))
    #expect(try decode([.gzip], Compress.gzip(a) + Compress.gzip(b), step: 5) == a + b)
    #expect(try decode([.zstd], Compress.zstd(a) + Compress.zstd(b), step: 5) == a + b)
  }

  @Test func `bombs are refused at the bound, also those between two codings`() {
    let zeros = [UInt8](repeating: 0, count: 8 << 20)
    for (coding, bomb) in [
      (ContentCoding.gzip, Compress.gzip(zeros)), (.deflate, Compress.raw(zeros)), (.zstd, Compress.zstd(zeros)),
    ] {
      #expect(bomb.count < 20_000)
      #expect(throws: ContentCodingError.tooLarge) { try decode([coding], bomb, limit: 1 << 20) }
      #expect(throws: ContentCodingError.tooLarge) { try decode([coding, .gzip], Compress.gzip(bomb), limit: 1 << 20) }
    }
    // Much in the middle, nothing at the end.
    let empty = Compress.gzip([])
    let many = Array(repeatElement(empty, count: 400_000).joined())
    #expect(throws: ContentCodingError.tooLarge) { try decode([.gzip, .zstd], Compress.zstd(many), limit: 1 << 20) }
  }

  @Test func `what is cut or is something else is an error`() {
    let gzip = Compress.gzip(ContentDecoderTests.text)
    let zstd = Compress.zstd(ContentDecoderTests.text)
    for count in 1..<gzip.count {
      #expect(throws: ContentCodingError.self) { try decode([.gzip], Array(gzip.prefix(count))) }
    }
    for count in 1..<zstd.count {
      #expect(throws: ContentCodingError.self) { try decode([.zstd], Array(zstd.prefix(count))) }
    }
    for coding in [ContentCoding.gzip, .deflate, .zstd] {
      #expect(throws: ContentCodingError.self) { try decode([coding], ContentDecoderTests.text) }
    }
    #expect(throws: ContentCodingError.malformed(.gzip)) { try decode([.gzip], gzip + [1, 2, 3]) }
    #expect(throws: ContentCodingError.self) { try decode([.deflate], Compress.zlib([1, 2, 3]) + [1]) }
  }

  @Test func `mutated bytes never do harm`() {
    var state: UInt64 = 42
    func random(_ below: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % below
    }
    let content = Array(ContentDecoderTests.large.prefix(20_000))
    for (coding, packed) in [
      (ContentCoding.gzip, Compress.gzip(content)), (.deflate, Compress.zlib(content)),
      (.deflate, Compress.raw(content)), (.zstd, Compress.zstd(content)),
    ] {
      for _ in 0..<300 {
        var bytes = packed
        for _ in 0...random(4) { bytes[random(bytes.count)] = UInt8(random(256)) }
        _ = try? decode([coding], bytes, step: 1 + random(3000), limit: 1 << 20)
      }
    }
  }

  @Test func `names are read as HTTP writes them`() throws {
    #expect(try ContentCoding.list("gzip, zstd") == [.gzip, .zstd])
    #expect(try ContentCoding.list(" GZIP ,, X-Gzip,identity") == [.gzip, .gzip])
    #expect(try ContentCoding.list("") == [])
    #expect(throws: ContentCodingError.unknown("br")) { try ContentCoding.list("gzip, br") }
    #expect(throws: ContentCodingError.tooManyLayers) { try ContentCoding.list("gzip,gzip,gzip,gzip") }
    #expect(throws: ContentCodingError.unknown("ab")) { try ContentCoding.list("a\"b") }
  }
}
