package import JSON

/// What one run may use. The stack, open files, threads and the size of one file are limits of the process: the jail
/// and the worker take them when they start.
package struct RunLimits: Hashable, Sendable {
  /// Real time in milliseconds. The worker ends the guest then; the supervisor kills the process a little later.
  package var wallMilliseconds: Int64 = 10_000
  /// Instructions, as the engine counts them. About 1.1e10 are a second of one core.
  package var fuel: Int64 = 55_000_000_000
  /// Linear memory of the guest in bytes.
  package var memoryBytes: Int64 = 128 << 20
  /// Bytes of each of stdout and stderr. A write beyond it fails in the guest.
  package var outputBytes: Int64 = 4 << 20
  /// Bytes at the beginning and at the end of each output that are kept, half of them each.
  package var keptOutputBytes: Int64 = 128 << 10
  /// Bytes of the result document.
  package var resultBytes: Int64 = 256 << 10
  /// Bytes of all files in the scratch folder.
  package var scratchBytes: Int64 = 64 << 20
  /// Files and folders in the scratch folder.
  package var scratchFiles: Int64 = 256

  /// The defaults.
  package init() {}

  /// The largest values that a request may have.
  package static let ceiling: RunLimits = {
    var limits = RunLimits()
    limits.wallMilliseconds = 120_000
    limits.fuel = 2_000_000_000_000
    limits.memoryBytes = 1 << 30
    limits.outputBytes = 16 << 20
    limits.keptOutputBytes = 4 << 20
    limits.resultBytes = 4 << 20
    limits.scratchBytes = 1 << 30
    limits.scratchFiles = 10_000
    return limits
  }()

  private static var members: [(String, WritableKeyPath<RunLimits, Int64>)] {
    [
      ("wall_ms", \.wallMilliseconds), ("fuel", \.fuel), ("memory_bytes", \.memoryBytes),
      ("output_bytes", \.outputBytes), ("kept_output_bytes", \.keptOutputBytes), ("result_bytes", \.resultBytes),
      ("scratch_bytes", \.scratchBytes), ("scratch_files", \.scratchFiles),
    ]
  }

  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, path) in Self.members { writer.member(name, self[keyPath: path]) }
    writer.endObject()
  }

  /// Reads limits; what is missing has its default, what is over the ceiling is a fault.
  init(_ fields: inout JSONFields) {
    for (name, path) in Self.members {
      if let value = fields.int(name, in: 0...Self.ceiling[keyPath: path]) { self[keyPath: path] = value }
    }
  }
}
