import Crypto
import Primitives
import Testing

@Suite struct PasswordHashTests {
  static let cheap = PasswordHash.Cost(logRounds: 4, blockSize: 8, parallelism: 1) ?? .standard

  @Test func `scrypt matches the published vector`() throws {
    // RFC 7914, section 12: "pleaseletmein", N = 16384, r = 8, p = 1, the first 32 of its 64 bytes do not depend on
    // the length that is asked for.
    let cost = try #require(PasswordHash.Cost(logRounds: 14, blockSize: 8, parallelism: 1))
    let made = try #require(
      PasswordHash.make(Array("pleaseletmein".utf8), salt: Array("SodiumChloride".utf8), cost: cost))
    let digest = try #require(
      Hex.decode("7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"))
    #expect(made.text.hasSuffix("$" + Base64.encode(digest, pads: false)))
    #expect(made.text.hasPrefix("$scrypt$ln=14,r=8,p=1$"))
  }

  @Test func `a stored hash knows its password and its cost, and no other password`() throws {
    let made = try #require(
      PasswordHash.make(Array("correct horse".utf8), salt: [UInt8](repeating: 7, count: 16), cost: Self.cheap))
    let read = try #require(PasswordHash(made.text))
    #expect(read == made && read.text == made.text && read.cost == Self.cheap && read.cost != .standard)
    #expect(read.matches(Array("correct horse".utf8)) == true)
    for other in ["", "correct hors", "correct horse ", "Correct horse", "correct horse\0"] {
      #expect(read.matches(Array(other.utf8)) == false, "\(other)")
    }
    #expect(read.matches([UInt8](repeating: 97, count: 1025)) == false)
    #expect(PasswordHash.make([97, 0], salt: [UInt8](repeating: 7, count: 16), cost: Self.cheap) == nil)
    let empty = try #require(PasswordHash.make([], salt: [UInt8](repeating: 7, count: 16), cost: Self.cheap))
    #expect(empty.matches([]) == true && empty.matches([0]) == false)
  }

  @Test(arguments: [
    "", "$", "plain", "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA", "$bcrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
    "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
    "$scrypt$ln=4,r=8$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$r=8,ln=4,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=31,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=18,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=15,r=8,p=64$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=-4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=0,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAA",
    "$scrypt$ln=4,r=8,p=1$AAAA$AAAAAAAAAAAAAAAAAAAAAA",
  ])
  func `a text that is no hash, or one that costs too much, is none`(_ text: String) {
    #expect(PasswordHash(text) == nil)
  }

  @Test func `the cost of new passwords is within the limits`() {
    let standard = PasswordHash.Cost.standard
    let same = PasswordHash.Cost(
      logRounds: standard.logRounds, blockSize: standard.blockSize, parallelism: standard.parallelism)
    #expect(same == standard && standard.memoryBytes == 32 << 20)
  }

  @Test func `one-time codes match the published vectors`() {
    // RFC 6238, appendix B, the last six of its eight digits; RFC 4226, appendix D.
    let secret = Array("12345678901234567890".utf8)
    for (seconds, code) in [
      (59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"),
      (2_000_000_000, "279037"), (20_000_000_000, "353130"),
    ] as [(Int64, String)] {
      #expect(OneTimeCode.code(secret: secret, period: seconds / 30) == code)
      #expect(OneTimeCode.period(of: code, secret: secret, unixSeconds: seconds) == seconds / 30)
      #expect(OneTimeCode.period(of: code, secret: secret, unixSeconds: seconds + 30) == seconds / 30)
      #expect(OneTimeCode.period(of: code, secret: secret, unixSeconds: seconds - 30) == seconds / 30)
      #expect(OneTimeCode.period(of: code, secret: secret, unixSeconds: seconds + 61) == nil)
      #expect(OneTimeCode.period(of: code, secret: Array(secret.dropLast()), unixSeconds: seconds) == nil)
    }
    for wrong in ["", "28708", "2870820", "28708a", "+28708", "２８７０８２"] {
      #expect(OneTimeCode.period(of: wrong, secret: secret, unixSeconds: 59) == nil)
    }
  }
}
