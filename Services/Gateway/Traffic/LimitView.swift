internal import HTTPWire
internal import Primitives

/// What a caller sees of the limit that is nearest.
package struct LimitView: Sendable, Equatable {
  /// The bucket; `nil` when nothing is limited.
  package let bucket: LimitedBucket?
  /// Requests that may still come at once.
  package let remaining: Int
  /// Nanoseconds until the next one may come.
  package let wait: UInt64

  /// Nothing is limited.
  package static let unlimited = LimitView(bucket: nil, remaining: 0, wait: 0)

  private init(bucket: LimitedBucket?, remaining: Int, wait: UInt64) {
    self.bucket = bucket
    self.remaining = remaining
    self.wait = wait
  }

  init(_ bucket: LimitedBucket, remaining: Double) {
    self.init(
      bucket: bucket,
      remaining: min(bucket.limit.burst, max(0, Int(clamping: Int64(saturating: remaining.rounded(.down))))), wait: 0)
  }

  static func empty(_ bucket: LimitedBucket, wait: UInt64) -> LimitView {
    LimitView(bucket: bucket, remaining: 0, wait: max(1, wait))
  }

  static func tighter(_ one: LimitView?, _ other: LimitView) -> LimitView {
    guard let one else { return other }
    return other.remaining < one.remaining ? other : one
  }

  /// Whole seconds after which a retry makes sense.
  package var retryAfterSeconds: Int {
    Int(clamping: max(1, wait / 1_000_000_000 + (wait % 1_000_000_000 > 0 ? 1 : 0)))
  }

  /// The fields of the answer: those of the draft of the IETF's HTTPAPI group (`RateLimit`, `RateLimit-Policy`), and
  /// the three of its earlier versions, which most clients know.
  func append(to fields: inout HTTPHeaders) {
    guard let bucket else { return }
    let limit = bucket.limit
    let window = max(1, Int(clamping: Int64(saturating: limit.secondsToFill.rounded(.up))))
    let missing = Double(limit.burst - remaining)
    let reset = max(
      wait > 0 ? retryAfterSeconds : 0, Int(clamping: Int64(saturating: (missing / limit.perSecond).rounded(.up))))
    let name = bucket.key.scope.rawValue
    fields.append("ratelimit-policy", "\"\(name)\";q=\(limit.burst);w=\(window)")
    fields.append("ratelimit", "\"\(name)\";r=\(remaining);t=\(reset)")
    fields.append(LimitView.limitField, UInt64(clamping: limit.burst))
    fields.append(LimitView.remainingField, UInt64(clamping: remaining))
    fields.append(LimitView.resetField, UInt64(clamping: reset))
  }

  /// How many fields `append` adds at most.
  static let fieldsMax = 5

  private static let limitField = HTTPFieldName("ratelimit-limit")
  private static let remainingField = HTTPFieldName("ratelimit-remaining")
  private static let resetField = HTTPFieldName("ratelimit-reset")
}
