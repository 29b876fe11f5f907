import Primitives
import Testing

@Suite struct TimestampTests {
  @Test func `moments outside of the years that can be named are no input, and print as the nearest`() {
    // Read with their offsets they lie in the year before 0000, or behind 9999.
    for text in ["0000-01-01T00:00:00+00:01", "0000-01-01T10:00:00+23:59", "9999-12-31T23:59:59-00:01"] {
      #expect(Timestamp(rfc3339: text) == nil)
    }
    #expect(Timestamp(rfc3339: "0000-01-01T00:00:00Z")?.description == "0000-01-01T00:00:00.000Z")
    #expect(Timestamp(rfc3339: "9999-12-31T23:59:60Z") == nil)
    #expect(Timestamp(unixMicroseconds: .min).description == "0000-01-01T00:00:00.000Z")
    #expect(Timestamp(unixMicroseconds: .max).description == "9999-12-31T23:59:59.999Z")
    #expect(Timestamp(unixMicroseconds: .max) - Timestamp(unixMicroseconds: .min) == .microseconds(Int64.max))
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000_000, "2000-02-29T00:00:00.000Z"),
      (-1_000, "1969-12-31T23:59:59.999Z"), (1_795_214_045_123_000, "2026-11-20T22:34:05.123Z"),
    ] as [(Int64, String)])
  func `formats and reads back`(microseconds: Int64, text: String) {
    #expect(Timestamp(unixMicroseconds: microseconds).description == text)
    #expect(Timestamp(rfc3339: text)?.unixMicroseconds == microseconds)
  }

  @Test func `reads offsets and fractions`() {
    #expect(Timestamp(rfc3339: "2026-11-20T23:34:05.5+01:00")?.description == "2026-11-20T22:34:05.500Z")
  }

  @Test(arguments: [
    "", "2026-11-20", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-11-20T24:00:00Z", "2026-11-20T22:34:05",
    "2026-11-20T22:34:05.Z", "2026-11-20T22:34:05Zx", "2026-11-20T22:34:05+1:00",
  ])
  func `refuses what is no date-time`(text: String) {
    #expect(Timestamp(rfc3339: text) == nil)
  }
}

@Suite struct UUIDTests {
  @Test func `text and bytes round trip`() {
    let id = UUID(version7At: 1_795_214_045_123, random: (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210))
    #expect(UUID(id.description) == id)
    #expect(UUID(bytes: id.bytes) == id)
    #expect(id.description.utf8.count == 36)
  }

  @Test func `version 7 sorts by time and carries version and variant`() {
    let early = UUID(version7At: 1, random: (.max, .max))
    let late = UUID(version7At: 2, random: (0, 0))
    #expect(early < late)
    #expect(early.description == "00000000-0001-7fff-bfff-ffffffffffff")
    #expect(early.unixMilliseconds == 1)
  }

  @Test(arguments: [
    "", "x", "00000000-0001-7fff-bfff-fffffffffff", "00000000-0001-7fff-bfff-fffffffffffg",
    "000000000001-7fff-bfff-ffff-ffffffff",
  ])
  func `refuses malformed text`(text: String) {
    #expect(UUID(text) == nil)
  }
}

@Suite struct SaturatingTests {
  @Test(arguments: [
    (0.4, Int64(0)), (2.5, 3), (-2.5, -3), (.nan, 0), (.infinity, .max), (-.infinity, .min), (1e300, .max),
    (9_223_372_036_854_775_808, .max), (-9.3e18, .min), (9_007_199_254_740_994, 9_007_199_254_740_994),
  ])
  func `floating-point numbers become whole ones without a trap`(value: Double, whole: Int64) {
    #expect(Int64(saturating: value) == whole)
  }
}

@Suite struct DollarAmountTests {
  @Test(
    arguments: [
      (0, 0), (13_499, 13), (13_500, 14), (14_499, 14), (499, 0), (500, 1), (-499, 0), (-500, -1), (-13_500, -14),
      (.max, 9_223_372_036_854_776), (.min, -9_223_372_036_854_776),
    ] as [(Int64, Int64)])
  func `billionths are shown as the nearest millionth`(nano: Int64, micro: Int64) {
    #expect(DollarAmount.micro(nano: nano) == micro)
  }

  @Test(
    arguments: [
      (0, "$0.000000"), (14, "$0.000014"), (1_234_567, "$1.234567"), (-14, "-$0.000014"),
      (.max, "$9223372036854.775807"), (.min, "-$9223372036854.775808"),
    ] as [(Int64, String)])
  func `millionths have six places`(micro: Int64, text: String) { #expect(DollarAmount.text(micro: micro) == text) }
}

struct HexTests {
  @Test func `hex digits of bytes that do not lie side by side`() {
    #expect(Hex.encode([0x00, 0x9A, 0xFF].reversed()) == "ff9a00")
    #expect(Hex.encode([UInt8]([1, 2, 3]).dropFirst()) == "0203" && Hex.encode(EmptyCollection()).isEmpty)
  }
}
