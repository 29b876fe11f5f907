internal import Crypto

/// Names and marks that follow from a text alone: equal on every replica and in every later request.
enum ShortDigest {
  private static let letters = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// The first `length` characters of the SHA-256 in base 32; at most 51.
  static func text(of text: String, length: Int) -> String {
    var result: [UInt8] = []
    var bits: UInt32 = 0
    var bitCount = 0
    for byte in Digest.sha256(Array(text.utf8)) where result.count < length {
      bits = (bits << 8 | UInt32(byte)) & 0xFFFF
      bitCount += 8
      while bitCount >= 5, result.count < length {
        bitCount -= 5
        result.append(letters[Int(bits >> UInt32(bitCount) & 31)])
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// All of the SHA-256 as 64 hexadecimal digits.
  static func hexadecimal(of text: String) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: Digest.sha256(Array(text.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}
