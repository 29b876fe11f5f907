internal import Primitives

/// A token bucket: how fast it fills, and how much it holds.
package struct RateLimit: Sendable, Hashable {
  /// Tokens a second.
  package let perSecond: Double
  /// Tokens when it is full: how many requests may come at once.
  package let burst: Int

  /// The rates and sizes that may be configured.
  private static let perSecondRange = 0.001...1_000_000.0
  private static let burstRange = 1...10_000_000

  /// Makes a limit; `nil` for values out of range.
  package init?(perSecond: Double, burst: Int) {
    guard RateLimit.perSecondRange.contains(perSecond), RateLimit.burstRange.contains(burst) else { return nil }
    self.perSecond = perSecond
    self.burst = burst
  }

  /// A part of it, for one of several replicas.
  package func share(_ part: Double) -> RateLimit {
    let burst = max(1, Int(clamping: Int64(saturating: (Double(burst) * part).rounded(.down))))
    return RateLimit(perSecond: max(RateLimit.perSecondRange.lowerBound, perSecond * part), burst: burst) ?? self
  }

  /// Seconds in which an empty bucket becomes full.
  package var secondsToFill: Double { Double(burst) / perSecond }

  /// Reads limits by name: `read 1000:2000, write 50:100`, each a rate in requests a second and a burst. Throws a
  /// sentence.
  package static func table(_ text: String, names: [String]) throws(LimitFault) -> [String: RateLimit] {
    var table: [String: RateLimit] = [:]
    for part in text.split(separator: ",") {
      let words = part.split(separator: " ")
      guard let name = words.first.map(String.init), words.count == 2 else {
        throw LimitFault("\"\(part)\" is no limit: write a name, a rate and a burst, as in read 1000:2000")
      }
      guard names.contains(name) else {
        throw LimitFault("\"\(name)\" is none of \(names.joined(separator: ", "))")
      }
      let numbers = words[1].split(separator: ":")
      guard numbers.count == 2, let rate = Double(numbers[0]), let burst = Int(numbers[1]),
        let limit = RateLimit(perSecond: rate, burst: burst)
      else { throw LimitFault("\"\(words[1])\" is no rate and burst, as in 1000:2000") }
      guard table.updateValue(limit, forKey: name) == nil else { throw LimitFault("\"\(name)\" is limited twice") }
    }
    return table
  }
}

/// Limits that cannot be read.
package struct LimitFault: Error, Sendable, CustomStringConvertible {
  /// What is wrong.
  package let description: String

  init(_ description: String) { self.description = description }
}
