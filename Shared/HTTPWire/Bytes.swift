import Glibc

// Byte classes and word-at-a-time scans that every codec of the module shares.

/// A set of ASCII characters as 128 bits: a membership test is a shift and an and, and needs no table in the cache.
struct ByteSet {
  let low: UInt64
  let high: UInt64

  @inline(__always)
  init(_ low: UInt64, _ high: UInt64) {
    self.low = low
    self.high = high
  }

  @inline(__always)
  func contains(_ byte: UInt8) -> Bool {
    let half = byte & 0x40 == 0 ? low : high
    return byte < 0x80 && (half &>> UInt64(byte & 0x3F)) & 1 != 0
  }

  /// Token characters (RFC 9110, section 5.6.2).
  @inline(__always) static var token: ByteSet { ByteSet(0x03FF_6CFA_0000_0000, 0x57FF_FFFF_C7FF_FFFE) }
  /// `pchar`, `/` and `%` (RFC 3986, section 3.3).
  @inline(__always) static var path: ByteSet { ByteSet(0x2FFF_FFF2_0000_0000, 0x47FF_FFFE_87FF_FFFF) }
  /// The characters of a path and `?`.
  @inline(__always) static var query: ByteSet { ByteSet(0xAFFF_FFF2_0000_0000, 0x47FF_FFFE_87FF_FFFF) }
  /// `unreserved` (RFC 3986, section 2.3).
  @inline(__always) static var unreserved: ByteSet { ByteSet(0x03FF_6000_0000_0000, 0x47FF_FFFE_87FF_FFFE) }
}

enum ASCII {
  static let tab: UInt8 = 0x09
  static let lf: UInt8 = 0x0A
  static let cr: UInt8 = 0x0D
  static let space: UInt8 = 0x20
  static let colon: UInt8 = 0x3A
}

@inline(__always)
func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }

@inline(__always)
func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

/// The value of a hexadecimal digit, or nil.
@inline(__always)
func hexValue(_ byte: UInt8) -> UInt8? {
  if byte &- 0x30 < 10 { return byte &- 0x30 }
  let letter = byte | 0x20
  if letter &- 0x61 < 6 { return letter &- 0x61 &+ 10 }
  return nil
}

/// The first index in `from..<end` with a control character other than HTAB, or `end`.
@inline(__always)
func firstControl(_ base: UnsafePointer<UInt8>, _ from: Int, _ end: Int) -> Int {
  let ones: UInt64 = 0x0101_0101_0101_0101
  let tops: UInt64 = 0x8080_8080_8080_8080
  var i = from
  while i < end {
    if i &+ 8 <= end {
      let word = UInt64(
        littleEndian: UnsafeRawPointer(base + i).loadUnaligned(as: UInt64.self))
      // Bytes below 0x20, and bytes equal to 0x7F. The lowest hit of either is exact; only higher ones may be borrowed
      // into.
      let low = (word &- ones &* 0x20) & ~word
      let delete = word ^ (ones &* 0x7F)
      let hits = (low | ((delete &- ones) & ~delete)) & tops
      if hits == 0 {
        i &+= 8
        continue
      }
      i &+= hits.trailingZeroBitCount &>> 3
    } else if !isControl(base[i]) {
      i &+= 1
      continue
    }
    if base[i] != ASCII.tab { return i }
    i &+= 1
  }
  return end
}

/// Whether two names are equal when ASCII case is ignored.
@inline(__always)
func equalIgnoringCase(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
  var i = 0
  while i < count {
    let x = a[i]
    let y = b[i]
    if x != y {
      let letter = x | 0x20
      if x ^ y != 0x20 || letter &- 0x61 >= 26 { return false }
    }
    i &+= 1
  }
  return true
}

/// Whether the bytes are the literal (in lower case) when ASCII case is ignored.
@inline(__always)
func equalIgnoringCase(_ a: UnsafePointer<UInt8>, _ count: Int, _ literal: StaticString) -> Bool {
  count == literal.utf8CodeUnitCount && equalIgnoringCase(a, literal.utf8Start, count)
}

/// The index of the next `byte` in `from..<end`, or nil.
@inline(__always)
func firstIndex(of byte: UInt8, _ base: UnsafePointer<UInt8>, _ from: Int, _ end: Int) -> Int? {
  guard from < end, let found = memchr(base + from, Int32(byte), end - from) else { return nil }
  return UnsafeRawPointer(found) - UnsafeRawPointer(base)
}

/// Calls `body` with each trimmed, non-empty element of a comma-separated list.
@inline(__always)
func forEachListElement(
  _ base: UnsafePointer<UInt8>, _ count: Int, _ body: (UnsafePointer<UInt8>, Int) -> Void
) {
  var i = 0
  while i < count {
    var end = i
    while end < count, base[end] != 0x2C { end += 1 }
    var first = i
    var last = end
    while first < last, base[first] == ASCII.space || base[first] == ASCII.tab { first += 1 }
    while last > first, base[last - 1] == ASCII.space || base[last - 1] == ASCII.tab { last -= 1 }
    if last > first { body(base + first, last - first) }
    i = end + 1
  }
}

extension Array where Element == UInt8 {
  @inline(__always)
  mutating func append(_ literal: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// Appends the number in decimal.
  mutating func appendDecimal(_ value: UInt64) {
    if value < 10 {
      append(0x30 + UInt8(truncatingIfNeeded: value))
      return
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var first = 20
      var rest = value
      repeat {
        first -= 1
        digits[first] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
      } while rest > 0
      append(contentsOf: UnsafeBufferPointer(rebasing: digits[first..<20]))
    }
  }
}

/// Runs `body` with the UTF-8 of a string, without a copy when the string is native, as strings made in Swift are.
@inline(__always)
func withUTF8<R>(_ string: String, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
  if let result = string.utf8.withContiguousStorageIfAvailable(body) { return result }
  var copy = string
  return copy.withUTF8(body)
}
