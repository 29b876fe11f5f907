/// Refusals of strangers: any body, any status, any header is a class of failure and a pause within its bound.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRefusals(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 2 else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
  let status = 100 + (Int(start[0]) << 8 | Int(start[1])) % 900
  let body = ErrorBody(bytes)
  precondition((body.message?.count ?? 0) <= 500 && body.codes.count <= 24)
  let failure = FailureClass(status: status, body)
  let text = String(decoding: bytes, as: UTF8.self)
  precondition(FailureClass.allCases.contains(FailureClass(status: status, code: text, message: text)))
  let pauses = [
    body.retryMilliseconds, RetryAfter.duration(text), RetryAfter.seconds(text),
    RetryAfter.milliseconds(inMilliseconds: text, inSeconds: nil, now: 1_800_000_000),
    RetryAfter.milliseconds(inMilliseconds: nil, inSeconds: text, now: Int64(start[0]) - 100),
  ]
  var breaker = CircuitBreaker()
  var now: Int64 = 0
  for pause in pauses {
    if let pause { precondition(pause >= 0 && pause <= RetryAfter.millisecondsMax) }
    breaker.failed(failure, retryAfter: pause, at: now, CircuitBreaker.Policy())
    now += pause ?? 1
    _ = breaker.admit(at: now, CircuitBreaker.Policy())
    breaker.reachable(at: now)
  }
  var history = AttemptHistory()
  let target = TargetID(provider: "p", model: "m")
  for pause in pauses {
    history.failed(target, failure, isBegun: status % 2 == 0)
    let repeated = history.repeats(
      target, failure, retryAfter: pause, hasTwin: false, AttemptPolicy(), random: UInt64(status))
    precondition(repeated.map { $0 >= 0 && $0 < 10_000 } ?? true)
  }
  return 0
}
