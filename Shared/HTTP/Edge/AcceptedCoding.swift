internal import ContentCoding

/// Which content coding of an answer a client prefers (RFC 9110, section 12.5.3).
enum AcceptedCoding {
  /// Elements of the field that are looked at.
  private static let elementsMax = 16

  /// The best of gzip and zstd by the values of `Accept-Encoding`; `nil` for none. Of two that are equally welcome
  /// zstd: it costs less.
  static func best(_ values: [String]) -> ContentCoding? {
    var (gzip, zstd, others) = (-1, -1, -1)
    var identity = -1
    for element in values.flatMap({ $0.split(separator: ",") }).prefix(elementsMax) {
      let parts = element.split(separator: ";", maxSplits: 1)
      guard let name = parts.first?.filter({ $0 != " " && $0 != "\t" }).lowercased() else { continue }
      let weight = parts.count == 2 ? weight(parts[1]) : 1000
      switch name {
      case "gzip", "x-gzip": gzip = weight
      case "zstd": zstd = weight
      case "identity": identity = weight
      case "*": others = weight
      default: continue
      }
    }
    let gzipWeight = gzip >= 0 ? gzip : max(0, others)
    let zstdWeight = zstd >= 0 ? zstd : max(0, others)
    guard max(gzipWeight, zstdWeight) > 0, max(gzipWeight, zstdWeight) >= identity else { return nil }
    return zstdWeight >= gzipWeight ? .zstd : .gzip
  }

  /// Thousandths of `q=0.5`; 0 for what is malformed.
  private static func weight(_ parameter: Substring) -> Int {
    let text = parameter.filter { $0 != " " && $0 != "\t" }.lowercased()
    guard text.hasPrefix("q=") else { return 0 }
    let parts = text.dropFirst(2).split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, whole == "0" || whole == "1" else { return 0 }
    if whole == "1" { return 1000 }
    guard parts.count == 2, parts[1].count <= 3, parts[1].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      return 0
    }
    let digits = String(parts[1]) + String(repeating: "0", count: 3 - parts[1].count)
    return Int(digits) ?? 0
  }
}
