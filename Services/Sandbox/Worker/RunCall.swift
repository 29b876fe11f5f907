import CSandboxEngine
import JSON
import SandboxProtocol

/// A request in the form of the engine.
struct RunCall {
  private let request: RunRequest

  init(_ request: RunRequest) { self.request = request }

  /// Calls `body` with the form, whose pointers are valid until it returns.
  func with<Result>(_ body: (inout cadre_request) -> Result) -> Result {
    let input = request.runtime == .python ? Self.characters(request.input) : request.input
    var call = cadre_request()
    call.limits = limits
    if let deterministic = request.deterministic {
      call.is_deterministic = 1
      call.seed = deterministic.seed
      call.clock_ms = deterministic.clockMilliseconds
    }
    return request.source.withUnsafeBufferPointer { source in
      request.arguments.withUnsafeBufferPointer { arguments in
        input.withUnsafeBufferPointer { input in
          options.withUnsafeBufferPointer { options in
            call.source = cadre_bytes(start: source.baseAddress, count: source.count)
            call.arguments = cadre_bytes(start: arguments.baseAddress, count: arguments.count)
            call.input = cadre_bytes(start: input.baseAddress, count: input.count)
            call.options = cadre_bytes(start: options.baseAddress, count: options.count)
            return body(&call)
          }
        }
      }
    }
  }

  private var limits: cadre_limits {
    let given = request.limits
    return cadre_limits(
      wall_ns: given.wallMilliseconds * 1_000_000, fuel: UInt64(clamping: given.fuel),
      memory_bytes: given.memoryBytes, output_bytes: given.outputBytes, kept_output_bytes: given.keptOutputBytes,
      result_bytes: given.resultBytes, scratch_bytes: given.scratchBytes, scratch_files: given.scratchFiles)
  }

  /// What the Python guest reads.
  private var options: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("session", request.isSession)
    if let deterministic = request.deterministic {
      writer.member("seed", deterministic.seed)
      writer.member("clock_ms", deterministic.clockMilliseconds)
    }
    writer.endObject()
    return writer.bytes
  }

  /// Bytes as text of one character each: the first 256 of Unicode.
  static func characters(_ bytes: [UInt8]) -> [UInt8] {
    if bytes.allSatisfy({ $0 < 128 }) { return bytes }
    return bytes.flatMap { $0 < 128 ? [$0] : [0xC0 | $0 >> 6, 0x80 | $0 & 63] }
  }
}
