internal import Primitives

/// Base64 for URLs without padding (RFC 4648, section 5).
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// Appends the text of `bytes`.
  static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
    text += [UInt8](unsafeUninitializedCapacity: (bytes.count * 4 + 2) / 3) { output, count in
      bytes.withUnsafeBufferPointer { bytes in
        alphabet.withUnsafeBufferPointer { alphabet in count = write(bytes, alphabet, to: output) }
      }
    }
  }

  private static func write(
    _ bytes: UnsafeBufferPointer<UInt8>, _ alphabet: UnsafeBufferPointer<UInt8>,
    to output: UnsafeMutableBufferPointer<UInt8>
  ) -> Int {
    var (place, count) = (0, 0)
    while place < bytes.count {
      let rest = bytes.count - place
      let bits =
        UInt32(bytes[place]) << 16 | (rest > 1 ? UInt32(bytes[place + 1]) << 8 : 0)
        | (rest > 2 ? UInt32(bytes[place + 2]) : 0)
      for digit in 0..<min(rest + 1, 4) {
        output[count] = alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)]
        count += 1
      }
      place += 3
    }
    return count
  }

  /// The bytes; `nil` for anything but the one text that `append` makes of them.
  static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? { Base64.decode(unpadded: text, .url) }
}
