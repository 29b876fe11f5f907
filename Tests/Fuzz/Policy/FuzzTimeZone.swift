// Feeds arbitrary bytes to the readers of time zones, of rules that recur, and of layouts of times: eight bytes of an
// instant, then a file or a text. Built as one module with the sources; see run.sh.
//
// Nothing traps. Offsets stay within their bounds. A local time leads back to an instant with the same offset, or one
// beside a change. What a layout has written can be written again.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTimeZone(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard bytes.count > 8 else { return 0 }
  let instant = Int64(bitPattern: bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
  let rest = Array(bytes.dropFirst(8))
  let second = instant / 1_000_000_000
  if let recurring = RecurringZone(rest) {
    precondition(abs(recurring.offset(at: second).seconds) <= 26 * 3600, "an offset has bounds")
  }
  let zone = TimeZoneRules(rest) ?? .utc
  precondition(abs(zone.offset(at: second).seconds) <= 26 * 3600, "an offset has bounds")
  let time = LocalTime(instant, in: zone)
  precondition((0..<86_400).contains(time.seconds) && (1...366).contains(time.dayOfYear), "a time is of a day")
  let back = zone.instant(ofLocal: second + zone.offset(at: second).seconds)
  precondition(abs(back - second) <= 4 * 26 * 3600, "a local time has an instant near it")
  _ = LocalTime.difference(time, LocalTime(0, in: zone))

  let parts = String(decoding: rest, as: UTF8.self).split(separator: "\n", maxSplits: 1)
  guard let pattern = parts.first, let layout = try? TimeLayout(String(pattern)) else { return 0 }
  let text = layout.text(of: time)
  precondition(text == layout.text(of: time), "the same time has the same text")
  _ = try? layout.instant(of: text)
  if parts.count > 1 { _ = try? layout.instant(of: String(parts[1])) }
  return 0
}
