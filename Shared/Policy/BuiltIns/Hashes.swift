internal import Crypto

extension BuiltIns {
  private static let named: [(name: String, algorithm: Digest.Algorithm)] = [
    ("md5", .md5), ("sha1", .sha1), ("sha256", .sha256), ("sha512", .sha512),
  ]

  static let hashes: [BuiltIn] =
    named.filter { $0.algorithm != .sha512 }.map { name, algorithm in
      BuiltIn("crypto.\(name)", 1) { list, _ in
        .string(hex(try required(Digest.hash(Array(try Argument.string(list, 0).utf8), by: algorithm))))
      }
    }
    + named.map { name, algorithm in
      BuiltIn("crypto.hmac.\(name)", 2) { list, _ in
        let (text, key) = (Array(try Argument.string(list, 0).utf8), Array(try Argument.string(list, 1).utf8))
        return .string(hex(try required(Digest.hmac(text, key: key, by: algorithm))))
      }
    } + [
      BuiltIn("crypto.hmac.equal", 2) { list, _ in
        .bool(Secrets.equal(try Argument.string(list, 0), try Argument.string(list, 1)))
      }
    ]

  /// Numbers and ids that look random, the same for the same key throughout a question. They follow from the key and
  /// the time of the question: whoever knows both knows them, so they are no secrets.
  static let random: [BuiltIn] = [
    BuiltIn("rand.intn", 2, isVolatile: true) { list, evaluator in
      let (key, bound) = (try Argument.string(list, 0), try Argument.whole(list, 1))
      guard bound != 0 else { return .int(0) }
      let bytes = try derived("rand.intn \(bound)", key, evaluator)
      // 128 bits for a bound of 64: no number is noticeably more frequent.
      let number = bytes.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
      return .number(.int(Int128(number % UInt128(bound.magnitude))))
    },
    BuiltIn("uuid.rfc4122", 1, isVolatile: true) { list, evaluator in
      var bytes = Array(try derived("uuid.rfc4122", try Argument.string(list, 0), evaluator).prefix(16))
      guard bytes.count == 16 else { return nil }
      bytes[6] = bytes[6] & 0x0F | 0x40
      bytes[8] = bytes[8] & 0x3F | 0x80
      let digits = hex(bytes)
      var (text, place) = ("", 0)
      for digit in digits {
        if [8, 12, 16, 20].contains(place) { text += "-" }
        text.append(digit)
        place += 1
      }
      return .string(text)
    },
  ]

  private static func derived(_ use: String, _ key: String, _ evaluator: Evaluator) throws -> [UInt8] {
    Digest.sha256(Array("\(use) \(evaluator.now) \(key)".utf8))
  }

  static func required(_ digest: [UInt8]?) throws -> [UInt8] {
    guard let digest else {
      throw EvaluationError(.internalFault, "OpenSSL has not this algorithm where the policies are evaluated")
    }
    return digest
  }
}
