internal import Crypto

extension BuiltIns {
  static let hashes: [BuiltIn] = [
    BuiltIn("crypto.sha256", 1) { list, _ in .string(hex(Digest.sha256(Array(try Argument.string(list, 0).utf8)))) },
    BuiltIn("crypto.sha1", 1) { list, _ in .string(hex(Digest.sha1(Array(try Argument.string(list, 0).utf8)))) },
    BuiltIn("crypto.hmac.sha256", 2) { list, _ in
      .string(
        hex(Digest.hmacSHA256(Array(try Argument.string(list, 0).utf8), key: Array(try Argument.string(list, 1).utf8))))
    },
    BuiltIn("crypto.hmac.equal", 2) { list, _ in
      .bool(Secrets.equal(try Argument.string(list, 0), try Argument.string(list, 1)))
    },
  ]

  static let tokens: [BuiltIn] = []
}
