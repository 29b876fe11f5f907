/// Which calls are cached when their caller says nothing.
package enum CacheMode: String, Sendable, CaseIterable {
  /// None, whatever the caller says.
  case off
  /// Those that ask for it by `Cache-Control: max-age`.
  case asked
  /// Those too whose answer is expected to be the same: temperature 0, and embeddings.
  case deterministic
  /// All that do not refuse it.
  case all
}

/// What a caller and the configuration say about the cache, in the words of HTTP's `Cache-Control` (RFC 9111).
package struct CachePolicy: Sendable, Hashable {
  package var reads = false
  package var writes = false
  /// The caller wants an answer of the cache or none.
  package var onlyIfCached = false
  /// How long the answer may be kept, in seconds.
  package var seconds: Int64

  /// The policy of a call.
  package init(_ header: String?, mode: CacheMode, isDeterministic: Bool, standardSeconds: Int64) {
    seconds = standardSeconds
    guard mode != .off else { return }
    var isWanted = mode == .all || (mode == .deterministic && isDeterministic)
    reads = isWanted
    writes = isWanted
    for part in (header ?? "").lowercased().split(separator: ",") {
      let word = part.filter { $0 != " " }
      switch word {
      case "no-store":
        reads = false
        writes = false
        isWanted = false
        onlyIfCached = false
        return
      case "no-cache", "max-age=0": reads = false
      case "only-if-cached":
        onlyIfCached = true
        reads = true
      default:
        guard word.hasPrefix("max-age="), let age = Int64(word.dropFirst(8)), age > 0 else { continue }
        seconds = min(age, standardSeconds * 24)
        reads = true
        writes = true
      }
    }
  }

  package var isActive: Bool { reads || writes }
}
