import Reactor
import Testing

@testable import Redis

private func parse(_ pieces: [[UInt8]], _ limits: ReplyLimits = ReplyLimits(bytesMax: 1 << 20, elementsMax: 1 << 16))
  throws -> [RedisValue]
{
  let reader = ReplyReader(limits: limits)
  var values: [RedisValue] = []
  for piece in pieces { try piece.withUnsafeBytes { raw in try reader.feed(raw) { values.append($0) } } }
  return values
}

private func encoded(_ command: RedisCommand) -> String {
  var buffer = ByteBuffer()
  let count = buffer.append(command)
  #expect(count == buffer.count)
  #expect(count <= command.encodedBytesMax)
  return String(decoding: buffer.readable, as: UTF8.self)
}

@Suite struct WireTests {
  static let sample = Array(
    "+OK\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n$5\r\na\r\nbc\r\n-WRONGTYPE no\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n-ERR y\r\n*0\r\n+PONG\r\n"
      .utf8)
  static let expected: [RedisValue] = [
    .ok, .integer(-42), .null, .null, .bulk([]), .bulk(Array("a\r\nbc".utf8)),
    .error(RedisServerError(Array("WRONGTYPE no".utf8))), .array([]),
    .array([
      .integer(1), .array([.bulk([120]), .error(RedisServerError(Array("ERR y".utf8)))]), .array([]),
    ]), .simple(Array("PONG".utf8)),
  ]

  @Test func `every kind of reply is read, cut at every place`() throws {
    #expect(try parse([WireTests.sample]) == WireTests.expected)
    for cut in 1..<WireTests.sample.count {
      let pieces = [Array(WireTests.sample[..<cut]), Array(WireTests.sample[cut...])]
      #expect(try parse(pieces) == WireTests.expected)
    }
    #expect(try parse(WireTests.sample.map { [$0] }) == WireTests.expected)
  }

  @Test(arguments: [
    "HTTP/1.1 400 Bad Request\r\n", "$-2\r\n", "*-2\r\n", "$99999999999999999999\r\n", "$9223372036854775807\r\n",
    "*2147483648\r\n", "*2147483647\r\n", "*1000000000\r\n", "$2000000\r\nabc", "\r\n", "\0\0\0\0",
    "*3\r\n:1\r\n!oops\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", ":12x\r\n", "$x\r\n",
    "*40000\r\n*40000\r\n",
  ])
  func `what is not RESP2 or beyond a limit is refused`(_ text: String) {
    #expect(throws: RedisError.self) { try parse([Array(text.utf8)]) }
    #expect(throws: RedisError.self) { try parse(text.utf8.map { [$0] }) }
  }

  @Test func `a line without an end is refused before it grows`() {
    for mark in "+-:*$" {
      let piece = Array(repeating: UInt8(ascii: "1"), count: 16_384)
      #expect(throws: RedisError.self) {
        try parse([Array(String(mark).utf8)] + Array(repeating: piece, count: 5))
      }
    }
  }

  @Test func `many strings count together against the limit of a reply`() throws {
    let limits = ReplyLimits(bytesMax: 100, elementsMax: 100)
    let ten = "$10\r\n0123456789\r\n"
    #expect(try parse([Array(("*10\r\n" + String(repeating: ten, count: 10)).utf8)], limits).count == 1)
    #expect(throws: RedisError.self) {
      try parse([Array(("*11\r\n" + String(repeating: ten, count: 11)).utf8)], limits)
    }
    // The next reply begins anew.
    #expect(try parse([Array(String(repeating: ten, count: 50).utf8)], limits).count == 50)
  }

  @Test func `commands are arrays of bulk strings of any bytes`() {
    #expect(
      encoded(["SET", "k\r\n", .integer(-10), .integer(.min), .double(0.5), ""])
        == "*6\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$3\r\n-10\r\n$20\r\n-9223372036854775808\r\n$3\r\n0.5\r\n$0\r\n\r\n")
    #expect(encoded(["GET", .bytes([0xFF, 0, 10])]).utf8.count > 20)
    let long = String(repeating: "é", count: 50_000)
    #expect(encoded([.string(long)]) == "*1\r\n$100000\r\n\(long)\r\n")
    #expect(encoded(RedisCommand(Array(repeating: 9, count: 12))).hasPrefix("*12\r\n$1\r\n9\r\n"))
  }

  @Test func `names are found in any case and unknown ones are one`() {
    #expect(RedisCommandName(of: "zRemRangeByScore") == .zremrangebyscore)
    #expect(RedisCommandName(of: .bytes(Array("get".utf8))) == .get)
    #expect(RedisCommandName(of: "nosuch") == .other)
    #expect(RedisCommandName(of: "other") == .other)
    #expect(RedisCommandName(of: "a name that is far too long to be one") == .other)
    #expect(RedisCommandName(of: 5) == .other)
    for name in RedisCommandName.allCases { #expect(RedisCommandName(of: .string(name.rawValue)) == name) }
  }

  @Test func `SHA-1 agrees with the published vectors at block borders`() {
    #expect(RedisScript("").digest == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    #expect(RedisScript("abc").digest == "a9993e364706816aba3e25717850c26c9cd0d89d")
    #expect(
      RedisScript("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").digest
        == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
    #expect(
      RedisScript(String(repeating: "a", count: 1_000_000)).digest == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
  }

  @Test func `descriptions hold no words of the server`() {
    let error = RedisError(RedisServerError(Array("WRONGTYPE secret-key holds a list".utf8)))
    #expect(error.description == "Redis refused the command (WRONGTYPE)")
    #expect(String(reflecting: error).contains("secret-key"))
    #expect(RedisServerError(Array("secret-key is odd".utf8)).prefix == "ERR")
    #expect(RedisServerError([]).prefix == "ERR")
    #expect(RedisError(.server("LOADING")).isTransient)
    #expect(!RedisError(.server("WRONGTYPE")).isTransient)
  }

  /// A small generator with a seed, so that a failure can be repeated.
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var word = state
      word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
      word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
      return word ^ (word >> 31)
    }
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `arbitrary and mutated replies never crash, and cutting them changes nothing`(_ seed: UInt64) {
    var random = Seeded(state: seed)
    let limits = ReplyLimits(bytesMax: 4096, elementsMax: 256)
    for _ in 0..<10_000 {
      var bytes = WireTests.sample
      for _ in 0..<Int.random(in: 0...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(Array("+-:$*\r\n0129".utf8).randomElement(using: &random) ?? 0, at: place)
        default: bytes.swapAt(place, bytes.count - 1)
        }
      }
      func outcome(_ pieces: [[UInt8]]) -> (values: [RedisValue], failed: Bool) {
        let reader = ReplyReader(limits: limits)
        var values: [RedisValue] = []
        do {
          for piece in pieces {
            try piece.withUnsafeBytes { raw in try reader.feed(raw) { values.append($0) } }
          }
          return (values, false)
        } catch { return (values, true) }
      }
      let cut = Int.random(in: 0...bytes.count, using: &random)
      let whole = outcome([bytes])
      let parts = outcome([Array(bytes[..<cut]), Array(bytes[cut...])])
      #expect(whole.values == parts.values)
      #expect(whole.failed == parts.failed)
      if whole.values != parts.values || whole.failed != parts.failed { return }
    }
  }
}
