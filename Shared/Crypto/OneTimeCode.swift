/// Codes of an authenticator app: TOTP (RFC 6238) with HMAC-SHA-1, 6 digits and 30 seconds: what all apps know.
/// Pure: the time is an argument.
public enum OneTimeCode {
  /// Bytes of a fresh secret.
  public static let secretBytes = 20
  /// Seconds for which a code is shown.
  public static let periodSeconds: Int64 = 30
  /// Periods by which the clocks of app and server may differ.
  public static let driftPeriodsMax: Int64 = 1
  private static let modulus: UInt32 = 1_000_000

  /// The code of a period (RFC 4226).
  public static func code(secret: [UInt8], period: Int64) -> String {
    let count = UInt64(bitPattern: period)
    let message = (0..<8).map { UInt8(truncatingIfNeeded: count >> UInt64(56 - 8 * $0)) }
    let mac = Digest.hmacSHA1(message, key: secret)
    let start = Int((mac.last ?? 0) & 0xF)
    let word = mac[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    let digits = String(word % modulus)
    return String(repeating: "0", count: 6 - digits.utf8.count) + digits
  }

  /// The period for which `code` is good at a time; `nil` for a wrong one. Compares with every period that counts, in
  /// the same time.
  public static func period(of code: String, secret: [UInt8], unixSeconds: Int64) -> Int64? {
    guard code.utf8.count == 6, code.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    let now = unixSeconds / periodSeconds
    var found: Int64?
    for period in (now &- driftPeriodsMax)...(now &+ driftPeriodsMax) {
      if Secrets.equal(OneTimeCode.code(secret: secret, period: period), code) { found = period }
    }
    return found
  }
}
