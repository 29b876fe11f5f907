import Crypto
import Primitives
import Testing

@Suite struct SealingTests {
  private let key = SealingKey([UInt8](repeating: 7, count: 32))
  private let context = Array("tenant 1, server 1".utf8)

  @Test(arguments: [0, 1, 15, 16, 17, 5000])
  func `what was sealed opens with the same key and context, and with no other`(count: Int) throws {
    let key = try #require(key)
    let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let sealed = try #require(key.seal(plain, context: context))
    #expect(sealed.count == count + SealingKey.overheadBytes)
    #expect(key.open(sealed, context: context) == plain)
    #expect(key.open(sealed, context: context + [0]) == nil)
    #expect(SealingKey([UInt8](repeating: 8, count: 32))?.open(sealed, context: context) == nil)
    #expect(key.seal(plain, context: context) != sealed)
  }

  @Test func `no changed bit is accepted`() throws {
    let key = try #require(key)
    let sealed = try #require(key.seal(Array("secret".utf8), context: context))
    for index in sealed.indices {
      var changed = sealed
      changed[index] ^= 1
      #expect(key.open(changed, context: context) == nil, "byte \(index)")
    }
    for count in 0..<sealed.count { #expect(key.open(Array(sealed.prefix(count)), context: context) == nil) }
  }

  @Test func `a key has 32 bytes`() {
    for count in [0, 16, 31, 33] { #expect(SealingKey([UInt8](repeating: 0, count: count)) == nil) }
  }

  @Test(arguments: [0, 1, 63, 64, 65, 100_000])
  func `a digest of pieces is that of the whole`(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var stream = SHA256Stream()
    var rest = bytes[...]
    var size = 1
    while !rest.isEmpty {
      stream.update(rest.prefix(size))
      rest = rest.dropFirst(size)
      size = size * 3 % 1000 + 1
    }
    #expect(stream.finish() == Digest.sha256(bytes))
  }
}
