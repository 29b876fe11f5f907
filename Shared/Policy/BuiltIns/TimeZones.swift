internal import Glibc
internal import Synchronization

/// The time zones of the system, by name. What was read is kept: a zone changes with an update of the system and a
/// restart.
final class TimeZones: Sendable {
  /// Where the IANA database is installed (the package tzdata of Debian).
  static let system = TimeZones(folder: "/usr/share/zoneinfo")
  /// Steps that a look-up counts for, whether the zone is known or is read from its file.
  private static let lookupSteps = 50
  private static let kept = 1000
  private static let nameBytesMax = 64
  private static let partsMax = 3

  private let folder: String
  private let known = Mutex<[String: TimeZoneRules]>([:])

  init(folder: String) { self.folder = folder }

  /// The zone of this name. Without a name, and for `Local`, it is UTC: services have no zone of their own. Throws
  /// `builtIn` for a zone that does not exist, `internalFault` when there are none at all.
  func zone(named name: String, _ evaluator: Evaluator) throws -> TimeZoneRules {
    try evaluator.work(TimeZones.lookupSteps)
    return try zone(named: name)
  }

  func zone(named name: String) throws(EvaluationError) -> TimeZoneRules {
    if ["", "UTC", "Local"].contains(name) { return .utc }
    guard TimeZones.isName(name) else { throw unknown(name) }
    if let zone = known.withLock({ $0[name] }) { return zone }
    guard let bytes = read(folder + "/" + name) else {
      guard access(folder + "/Etc/UTC", R_OK) == 0 else {
        // An error of the whole question, and not only undefined: `not` must not hold because a file is missing.
        throw EvaluationError(.internalFault, "\(folder) has no time zones: install the IANA database (tzdata)")
      }
      throw unknown(name)
    }
    guard let zone = TimeZoneRules(bytes) else { throw unknown(name) }
    known.withLock { zones in
      if zones.count >= TimeZones.kept { zones.removeAll() }
      zones[name] = zone
    }
    return zone
  }

  private func unknown(_ name: String) -> EvaluationError {
    EvaluationError(.builtIn, "unknown time zone \(name.prefix(TimeZones.nameBytesMax))")
  }

  /// Names lead down from the folder and nowhere else: parts begin with a letter and have no dots.
  static func isName(_ name: String) -> Bool {
    guard (1...nameBytesMax).contains(name.utf8.count) else { return false }
    let parts = name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return parts.count <= partsMax
      && parts.allSatisfy { part in
        guard let first = part.first, (first | 0x20) &- 97 < 26 else { return false }
        return part.allSatisfy { Lexer.isLetter($0) || Lexer.isDigit($0) || "+-".utf8.contains($0) }
      }
  }

  /// The bytes of a regular file that is not too large.
  private func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    var bytes = [UInt8](repeating: 0, count: TimeZoneRules.bytesMax + 1)
    var count = 0
    while count < bytes.count {
      let room = bytes.count - count
      let got = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, room) }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { return nil }
      if got == 0 { break }
      count += got
    }
    return count <= TimeZoneRules.bytesMax ? Array(bytes[..<count]) : nil
  }
}
