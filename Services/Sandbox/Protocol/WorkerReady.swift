import JSON

/// The first message of a worker.
package struct WorkerReady: Hashable, Sendable {
  /// The version of the engine.
  package var engine: String
  /// What it runs at once; empty for a worker that compiles.
  package var runtimes: [String]

  package init(engine: String, runtimes: [String]) {
    self.engine = engine
    self.runtimes = runtimes
  }

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("engine", engine)
    writer.member("runtimes", runtimes)
    writer.endObject()
    return SandboxFrame(.ready, header: writer.bytes)
  }

  /// Reads it.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .ready, parts: 0)
    engine = fields.string("engine", isRequired: true, bytesMax: 64) ?? ""
    runtimes = fields.strings("runtimes", isRequired: true, countMax: 8, bytesMax: 32) ?? []
    try SandboxMessageError.finish(&fields)
  }
}
