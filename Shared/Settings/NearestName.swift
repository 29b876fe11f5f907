/// Finds the name that was probably meant.
enum NearestName {
  /// Longer names are compared by their beginning, which bounds the work on hostile input.
  private static let comparedBytesMaximum = 128

  /// The candidate with the smallest edit distance, the first in alphabetical order on a tie; `nil` when none is close.
  static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let bound = max(2, min(name.utf8.count, comparedBytesMaximum) / 3)
    var best: (distance: Int, name: String)?
    for candidate in candidates where candidate != name {
      let distance = distance(name, candidate)
      guard distance <= bound else { continue }
      if let current = best, (current.distance, current.name) <= (distance, candidate) { continue }
      best = (distance, candidate)
    }
    return best?.name
  }

  /// `; did you mean X?`, or nothing.
  static func hint(for name: String, among candidates: some Sequence<String>) -> String {
    nearest(to: name, among: candidates).map { "; did you mean \($0)?" } ?? ""
  }

  /// Insertions, deletions, substitutions and swaps of neighbours between two names (optimal string alignment).
  static func distance(_ left: String, _ right: String) -> Int {
    let left = Array(left.utf8.prefix(comparedBytesMaximum))
    let right = Array(right.utf8.prefix(comparedBytesMaximum))
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    var current = previous
    for row in 1...left.count {
      current[0] = row
      for column in 1...right.count {
        let cost = left[row - 1] == right[column - 1] ? 0 : 1
        var least = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + cost)
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          least = min(least, beforePrevious[column - 2] + 1)
        }
        current[column] = least
      }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count]
  }
}
