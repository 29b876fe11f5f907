internal import COpenSSL
internal import Primitives

/// A password as it is stored: what scrypt (RFC 7914) makes of it, with the cost and the salt, in the form of the PHC
/// string format: `$scrypt$ln=15,r=8,p=3$SALT$HASH`, base64 without padding.
///
/// It takes tens of milliseconds and as much memory as its cost says: never on an event loop.
public struct PasswordHash: Sendable, Equatable {
  /// What one hash costs whoever computes it.
  public struct Cost: Sendable, Hashable {
    /// The binary logarithm of N: memory and time.
    public let logRounds: Int
    /// The block size r.
    public let blockSize: Int
    /// The parallelism p: time without more memory.
    public let parallelism: Int

    /// For new passwords: 32 MiB, three times.
    public static let standard = Cost(trustedLogRounds: 15, blockSize: 8, parallelism: 3)

    /// Memory for one hash, at most.
    public static let memoryBytesMax = 128 << 20
    private static let workMax = 1 << 22

    /// Takes a cost; `nil` for one that scrypt does not know or that is beyond the limits above.
    public init?(logRounds: Int, blockSize: Int, parallelism: Int) {
      guard (1...20).contains(logRounds), (1...64).contains(blockSize), (1...64).contains(parallelism),
        128 * blockSize << logRounds <= Cost.memoryBytesMax,
        blockSize * parallelism << logRounds <= Cost.workMax
      else { return nil }
      self.init(trustedLogRounds: logRounds, blockSize: blockSize, parallelism: parallelism)
    }

    private init(trustedLogRounds: Int, blockSize: Int, parallelism: Int) {
      logRounds = trustedLogRounds
      self.blockSize = blockSize
      self.parallelism = parallelism
    }

    /// Memory for one hash.
    public var memoryBytes: Int { 128 * blockSize << logRounds }
  }

  /// Bytes of a password; more are refused.
  public static let passwordBytesMax = 1024
  /// Bytes of a fresh salt.
  public static let saltBytes = 16
  private static let digestBytes = 32
  private static let textBytesMax = 256

  /// The cost with which it was made.
  public let cost: Cost
  private let salt: [UInt8]
  private let digest: [UInt8]

  /// Reads the stored form; `nil` for another scheme, malformed text, or a cost beyond the limits.
  public init?(_ text: String) {
    guard text.utf8.count <= PasswordHash.textBytesMax else { return nil }
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", let cost = PasswordHash.cost(parts[2]),
      let salt = Base64.decode(unpadded: Array(parts[3].utf8)[...]), (8...64).contains(salt.count),
      let digest = Base64.decode(unpadded: Array(parts[4].utf8)[...]), (16...64).contains(digest.count)
    else { return nil }
    self.init(cost: cost, salt: salt, digest: digest)
  }

  private init(cost: Cost, salt: [UInt8], digest: [UInt8]) {
    self.cost = cost
    self.salt = salt
    self.digest = digest
  }

  /// Whether it can be a password: of at most so many bytes, and none of them NUL, which the HMAC inside would take for
  /// the end.
  public static func accepts(_ password: [UInt8]) -> Bool {
    password.count <= passwordBytesMax && !password.contains(0)
  }

  /// Hashes a password with a random salt; `nil` for what is not accepted as one, or without memory for it.
  public static func make(_ password: [UInt8], salt: [UInt8], cost: Cost = .standard) -> PasswordHash? {
    derive(password, salt, cost, digestBytes).map { PasswordHash(cost: cost, salt: salt, digest: $0) }
  }

  /// Whether it was made of this password. Takes the same time for every password that is accepted as one; `nil`
  /// without memory for it.
  public func matches(_ password: [UInt8]) -> Bool? {
    guard PasswordHash.accepts(password) else { return false }
    return PasswordHash.derive(password, salt, cost, digest.count).map { Secrets.equal($0, digest) }
  }

  /// The form in which it is stored.
  public var text: String {
    let (salt, digest) = (Base64.encode(salt, pads: false), Base64.encode(digest, pads: false))
    return "$scrypt$ln=\(cost.logRounds),r=\(cost.blockSize),p=\(cost.parallelism)$\(salt)$\(digest)"
  }

  private static func cost(_ text: Substring) -> Cost? {
    let fields = text.split(separator: ",", omittingEmptySubsequences: false)
    guard fields.count == 3, let logRounds = number(fields[0], "ln="), let blockSize = number(fields[1], "r="),
      let parallelism = number(fields[2], "p=")
    else { return nil }
    return Cost(logRounds: logRounds, blockSize: blockSize, parallelism: parallelism)
  }

  private static func number(_ field: Substring, _ name: String) -> Int? {
    guard field.hasPrefix(name) else { return nil }
    let digits = field.dropFirst(name.count)
    guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return Int(digits)
  }

  private static func derive(_ password: [UInt8], _ salt: [UInt8], _ cost: Cost, _ count: Int) -> [UInt8]? {
    guard accepts(password) else { return nil }
    // What OpenSSL counts beside the table itself.
    let memoryMax = UInt64(cost.memoryBytes + 128 * cost.blockSize * (cost.parallelism + 2) + (1 << 20))
    var digest = [UInt8](repeating: 0, count: count)
    let isDone = password.withUnsafeBytes { password in
      EVP_PBE_scrypt(
        password.baseAddress.map { $0.assumingMemoryBound(to: CChar.self) }, password.count, salt, salt.count,
        UInt64(1) << UInt64(cost.logRounds), UInt64(cost.blockSize), UInt64(cost.parallelism), memoryMax, &digest,
        count)
    }
    return isDone == 1 ? digest : nil
  }
}
