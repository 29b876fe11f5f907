internal import HTTPWire
internal import Primitives
internal import Routing
internal import SystemSources

extension RetryAfter {
  /// The pause that the header fields of an answer ask for, in milliseconds.
  static func milliseconds(_ headers: HTTPHeaders) -> Int64? {
    milliseconds(
      inMilliseconds: headers["retry-after-ms"], inSeconds: headers[.retryAfter],
      now: WallClock.now().unixMicroseconds / 1_000_000)
  }
}
