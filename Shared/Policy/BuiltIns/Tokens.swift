internal import Crypto
internal import JSON
internal import Primitives

/// JSON Web Tokens in compact form. What is decoded is not verified; signatures are verified with shared secrets alone.
extension BuiltIns {
  /// Tokens that stand in each other.
  private static let nestedMax = 8
  private static let limits = JSONLimits(depthMax: 64, bytesMax: 4 << 20, nodesMax: 100_000)

  static let tokens: [BuiltIn] =
    [
      BuiltIn("io.jwt.decode", 1) { list, _ in
        var token = try parts(try Argument.string(list, 0))
        for _ in 0..<nestedMax {
          let header = try object(try bytes(token[0], "header"), "header")
          guard header["enc"] == nil else {
            throw EvaluationError(.builtIn, "JWT is a JWE object, which is not supported")
          }
          let payload = try bytes(token[1], "payload")
          guard header["cty"]?.string?.uppercased() == "JWT" else {
            let signature = try bytes(token[2], "signature")
            return .array([.object(header), .object(try object(payload, "payload")), .string(hex(signature))])
          }
          token = try parts(nested(payload))
        }
        throw EvaluationError(.builtIn, "JWT holds more than \(nestedMax) others")
      }
    ]
    + [("hs256", Digest.Algorithm.sha256), ("hs384", .sha384), ("hs512", .sha512)].map { name, algorithm in
      BuiltIn("io.jwt.verify_\(name)", 2) { list, _ in
        let (token, key) = (try Argument.string(list, 0), try Argument.string(list, 1))
        let all = try parts(token)
        _ = try object(try bytes(all[0], "header"), "header")
        let signed = Array((all[0] + "." + all[1]).utf8)
        let code = try required(Digest.hmac(signed, key: Array(key.utf8), by: algorithm))
        return .bool(Secrets.equal(try bytes(all[2], "signature"), code))
      }
    }

  private static func parts(_ token: String) throws -> [String] {
    let parts = token.split(separator: ".", maxSplits: 1000, omittingEmptySubsequences: false)
    guard parts.count > 1 else { throw EvaluationError(.builtIn, "encoded JWT had no period separators") }
    guard parts.count == 3 else {
      throw EvaluationError(.builtIn, "encoded JWT must have 3 sections, found \(parts.count)")
    }
    return parts.map(String.init)
  }

  /// A token in a token may be written as JSON text.
  private static func nested(_ payload: [UInt8]) -> String {
    (try? JSONDocument(parsing: payload, limits: limits).root.string) ?? String(decoding: payload, as: UTF8.self)
  }

  private static func bytes(_ text: String, _ name: String) throws -> [UInt8] {
    if let bytes = try? base64URL(text) { return bytes }
    let place = text.utf8.enumerated().first {
      !(Lexer.isLetter($0.element) || Lexer.isDigit($0.element) || $0.element == UInt8(ascii: "-"))
    }
    throw EvaluationError(
      .builtIn,
      "JWT \(name) had invalid encoding: illegal base64 data at input byte \(place?.offset ?? text.utf8.count)")
  }

  private static func object(_ bytes: [UInt8], _ name: String) throws -> RegoObject {
    guard let root = try? JSONDocument(parsing: bytes, limits: limits).root, case .object(let object) = RegoValue(root)
    else { throw EvaluationError(.builtIn, "JWT \(name) is no JSON object") }
    return object
  }
}
