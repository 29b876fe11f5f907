// Feeds arbitrary texts to the formatter of policies. Built as one module with the sources; see run.sh.
//
// Nothing traps. What was formatted can be read again, has as many comments, and stays as it is when it is formatted
// once more.

/// One input of the fuzzer. Refusals are expected, crashes and broken invariants are findings.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPolicyFormat(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let text = Array(UnsafeBufferPointer(start: start, count: count))
  guard let before = try? Parser.module(text, file: "fuzz") else { return 0 }
  guard let once = try? PolicyFormatter.format(text, file: "fuzz") else { preconditionFailure("a module is formatted") }
  guard let twice = try? PolicyFormatter.format(once, file: "fuzz") else { preconditionFailure("and so is the result") }
  precondition(once == twice, "the form is canonical")
  guard let after = try? Parser.module(once, file: "fuzz") else { preconditionFailure("the result can be read") }
  precondition(before.rules.count == after.rules.count && before.package == after.package)
  return 0
}
