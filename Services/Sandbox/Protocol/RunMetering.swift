package import JSON

/// What a run has used.
package struct RunMetering: Hashable, Sendable {
  /// Instructions, as the engine counts them: the same for the same program and input.
  package var fuel: Int64 = 0
  /// Processor time of the worker in microseconds.
  package var cpuMicroseconds: Int64 = 0
  /// Real time in microseconds, from the request to the report.
  package var wallMicroseconds: Int64 = 0
  /// Most memory in bytes: of the guest for modules, an upper bound from the growth of the process for Python.
  package var peakMemoryBytes: Int64 = 0
  /// Bytes of the source, the arguments and the input.
  package var inputBytes: Int64 = 0
  /// Bytes of both outputs and the result.
  package var outputBytes: Int64 = 0
  /// Bytes of the files in the scratch folder at the end.
  package var scratchBytes: Int64 = 0
  /// Files and folders in the scratch folder at the end.
  package var scratchFiles: Int64 = 0

  package init() {}

  /// The names on the wire, in metrics and in ledgers, with their values.
  package var members: [(String, Int64)] { Self.paths.map { ($0.0, self[keyPath: $0.1]) } }

  private static var paths: [(String, WritableKeyPath<RunMetering, Int64>)] {
    [
      ("fuel", \.fuel), ("cpu_us", \.cpuMicroseconds), ("wall_us", \.wallMicroseconds),
      ("peak_memory_bytes", \.peakMemoryBytes), ("bytes_in", \.inputBytes), ("bytes_out", \.outputBytes),
      ("scratch_bytes", \.scratchBytes), ("scratch_files", \.scratchFiles),
    ]
  }

  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    for (name, value) in members { writer.member(name, value) }
    writer.endObject()
  }

  init(_ fields: inout JSONFields) {
    for (name, path) in Self.paths { self[keyPath: path] = fields.int(name, isRequired: true, in: 0 ... .max) ?? 0 }
  }
}
