// Fuzz target: content codings, alone and on top of each other, in pieces, within a bound.

/// One input of the fuzzer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzContentCoding(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let first = bytes.first else { return 0 }
  let all: [ContentCoding] = [.gzip, .deflate, .zstd]
  var codings = [all[Int(first) % 3]]
  if first & 0x40 != 0 { codings.append(all[Int(first >> 2) % 3]) }
  let step = 1 + Int(first >> 4) * 97
  guard let decoder = try? ContentDecoder(codings, bytesMax: 1 << 20) else { return 0 }
  var total = 0
  var rest = bytes.dropFirst()
  do {
    while !rest.isEmpty {
      decoder.feed(Array(rest.prefix(step)))
      rest = rest.dropFirst(step)
      while let piece = try decoder.next() {
        total += piece.count
        precondition(!piece.isEmpty && piece.count <= ContentDecoder.pieceBytesMax)
      }
    }
    try decoder.finish()
  } catch {}
  precondition(total <= 1 << 20)
  return 0
}
