public import HTTP
public import HTTPWire

/// `Prefer: wait=N` (RFC 7240): how long an answer may wait for the end of what was asked for.
public enum WaitPreference {
  /// Seconds that are accepted.
  public static let secondsAccepted = 0...600
  /// Seconds that are waited at most: connections do not last for ever.
  public static let secondsMax = 60

  /// The seconds; `nil` without the preference. Throws a 400 `Problem`.
  public static func seconds(_ headers: HTTPHeaders) throws(Problem) -> Int? {
    for value in headers.values(of: "prefer") {
      for part in value.split(whereSeparator: { $0 == "," || $0 == ";" }) {
        let pair = part.filter { $0 != " " }.lowercased().split(separator: "=")
        guard pair.first == "wait" else { continue }
        guard pair.count == 2, let seconds = Int(pair[1]), secondsAccepted.contains(seconds) else {
          throw .badParameter("Prefer", "wait=N with N from 0 to 600 seconds is expected.")
        }
        return min(seconds, secondsMax)
      }
    }
    return nil
  }
}
