import Crypto
import Primitives
import Testing

@Suite struct CryptoTests {
  @Test func `digests match the published vectors`() {
    let abc = Array("abc".utf8)
    #expect(Hex.encode(Digest.sha1(abc)) == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      Hex.encode(Digest.sha256(abc)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Digest.sha256([UInt8]()) == Digest.sha256(abc[0..<0]))
    // RFC 4231, test case 2.
    #expect(
      Hex.encode(Digest.hmacSHA256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
        == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
  }

  @Test func `a prepared key makes the same codes, each time`() {
    let key = HMACKey(Array("Jefe".utf8))
    for bytes in [Array("what do ya want for nothing?".utf8), [], [UInt8](repeating: 7, count: 1000)] {
      for _ in 0..<3 { #expect(key.code(bytes) == Digest.hmacSHA256(bytes, key: Array("Jefe".utf8))) }
      #expect(key.code(bytes[...]) == key.code(bytes))
    }
    // RFC 4231, test case 6: a key longer than a block.
    #expect(
      Hex.encode(
        HMACKey([UInt8](repeating: 0xAA, count: 131))
          .code(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8)))
        == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
  }

  @Test func `secrets compare by content and length`() {
    #expect(Secrets.equal("", "") && Secrets.equal("é", "é") && !Secrets.equal("a", "b") && !Secrets.equal("a", "aa"))
    #expect(Secrets.equal([1, 2], [1, 2]))
    #expect(!Secrets.equal([1, 2], [1, 3]))
    #expect(!Secrets.equal([1, 2], [1, 2, 3]))
    #expect(Secrets.equal([], []))
  }
}
