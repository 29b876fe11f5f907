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

  @Test func `secrets compare by content and length`() {
    #expect(Secrets.equal([1, 2], [1, 2]))
    #expect(!Secrets.equal([1, 2], [1, 3]))
    #expect(!Secrets.equal([1, 2], [1, 2, 3]))
    #expect(Secrets.equal([], []))
  }
}
