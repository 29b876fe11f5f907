/// Modules of users: whatever comes is read within its bounds, and only what has a `_start` is let through.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzModuleInspection(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start else { return 0 }
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // Without its first bytes almost nothing is looked at.
  let module: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0] + bytes
  for input in [bytes, module] {
    var limits = ModuleLimits()
    limits.functions = 100
    limits.functionBytes = 1000
    guard let found = try? ModuleInspection(input, limits) else { continue }
    precondition(found.hasStart && found.functions <= 100)
  }
  return 0
}
