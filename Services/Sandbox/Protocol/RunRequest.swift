import JSON

/// What runs a program.
package enum SandboxRuntime: String, Hashable, Sendable, CaseIterable {
  /// CPython in WebAssembly.
  case python
  /// QuickJS in WebAssembly.
  case javascript
  /// A compiled module that has `_start`.
  case wasm
}

/// One run. Parts of the frame: the source text (empty for `wasm`), the arguments (JSON), the standard input.
package struct RunRequest: Hashable, Sendable {
  /// Values that the guest gets instead of the real clock and of random bytes.
  package struct Deterministic: Hashable, Sendable {
    /// Where the sequence of random bytes starts.
    package var seed: Int64
    /// The time at the start of the run, in milliseconds since 1970. It goes on by 1 ms with every look at it.
    package var clockMilliseconds: Int64

    package init(seed: Int64, clockMilliseconds: Int64) {
      self.seed = seed
      self.clockMilliseconds = clockMilliseconds
    }
  }

  /// Chosen by the supervisor; the report has it too. At most 64 bytes.
  package var id: String
  /// What runs it.
  package var runtime: SandboxRuntime
  /// The program of `python` and `javascript`.
  package var source: [UInt8]
  /// For `wasm`: SHA-256 of the compiled module in hex, which is also its file name in the folder of modules.
  package var module: String?
  /// A JSON value that the program reads as its arguments.
  package var arguments: [UInt8]
  /// The standard input.
  package var input: [UInt8]
  /// What it may use.
  package var limits: RunLimits
  /// Whether clock and randomness are fixed.
  package var deterministic: Deterministic?
  /// Whether globals stay for the next run of this worker. Without it the run has a new instance.
  package var isSession: Bool

  package init(
    id: String, runtime: SandboxRuntime, source: [UInt8] = [], module: String? = nil,
    arguments: [UInt8] = Array("null".utf8), input: [UInt8] = [], limits: RunLimits = RunLimits(),
    deterministic: Deterministic? = nil, isSession: Bool = false
  ) {
    self.id = id
    self.runtime = runtime
    self.source = source
    self.module = module
    self.arguments = arguments
    self.input = input
    self.limits = limits
    self.deterministic = deterministic
    self.isSession = isSession
  }

  /// Largest source, arguments and input.
  package static let sourceBytesMax = 4 << 20
  package static let argumentBytesMax = 4 << 20
  package static let inputBytesMax = 16 << 20

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.member("runtime", runtime.rawValue)
    writer.member("module", ifPresent: module)
    writer.key("limits")
    limits.write(to: &writer)
    if let deterministic {
      writer.key("deterministic")
      writer.beginObject()
      writer.member("seed", deterministic.seed)
      writer.member("clock_ms", deterministic.clockMilliseconds)
      writer.endObject()
    }
    writer.member("session", isSession)
    writer.endObject()
    return SandboxFrame(.run, header: writer.bytes, parts: [source, arguments, input])
  }

  /// Reads a request.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .run, parts: 3)
    id = fields.string("id", isRequired: true, bytesMax: 64) ?? ""
    runtime = fields.string("runtime", isRequired: true, bytesMax: 16).flatMap(SandboxRuntime.init) ?? .python
    module = fields.string("module", bytesMax: 64)
    limits = fields.object("limits", isRequired: true) { RunLimits(&$0) } ?? RunLimits()
    deterministic = fields.object("deterministic") {
      Deterministic(
        seed: $0.int("seed", isRequired: true, in: .min ... .max) ?? 0,
        clockMilliseconds: $0.int("clock_ms", isRequired: true, in: 0...253_402_300_799_000) ?? 0)
    }
    isSession = fields.bool("session", isRequired: true) ?? false
    source = frame.parts[0]
    arguments = frame.parts[1]
    input = frame.parts[2]
    try SandboxMessageError.finish(&fields)
    guard source.count <= Self.sourceBytesMax, arguments.count <= Self.argumentBytesMax,
      input.count <= Self.inputBytesMax
    else { throw SandboxMessageError("a part is too large") }
    if runtime == .wasm {
      guard let module, Self.isDigest(module) else { throw SandboxMessageError("the module is no SHA-256 in hex") }
    }
  }

  /// Whether a text is a SHA-256 in lower-case hex, and so a safe file name.
  package static func isDigest(_ text: String) -> Bool {
    text.utf8.count == 64
      && text.utf8.allSatisfy {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
      }
  }
}
