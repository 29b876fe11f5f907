// Feeds arbitrary text to the URL, percent-encoding, query and base64 parsers: `Tests/Fuzz/run.sh` builds and runs it.

/// The entry point that libFuzzer calls with each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzURL(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  let text = String(decoding: bytes, as: UTF8.self)
  if let url = try? HTTPURL(text) {
    precondition((try? HTTPURL(url.description)) == url, "a URL reads back as itself")
    precondition(!url.host.isEmpty && (1...65_535).contains(url.port) && url.target.hasPrefix("/"))
    precondition(url.description.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F })
  }
  if let decoded = try? PercentEncoding.decode(text) {
    precondition((try? PercentEncoding.decode(PercentEncoding.encode(decoded))) == decoded)
    precondition(!decoded.utf8.contains(0))
  }
  if let items = try? QueryItems(text) {
    precondition(items.items.count <= QueryItems.itemsMax)
    for item in items.items { precondition(items.values(of: item.name).contains(item.value)) }
  }
  if let decoded = Base64.decode(text) { precondition(Base64.encode(decoded) == text, "base64 is canonical") }
  precondition(Base64.decode(Base64.encode(bytes)) == bytes)
  return 0
}
