import JSON

/// Asks a worker to compile an untrusted module. Part of the frame: the module.
package struct CompileRequest: Hashable, Sendable {
  /// Chosen by the supervisor; the report has it too. At most 64 bytes.
  package var id: String
  /// The module, as it was uploaded.
  package var module: [UInt8]
  /// What the module may be.
  package var limits: ModuleLimits

  package init(id: String, module: [UInt8], limits: ModuleLimits = ModuleLimits()) {
    self.id = id
    self.module = module
    self.limits = limits
  }

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.key("limits")
    limits.write(to: &writer)
    writer.endObject()
    return SandboxFrame(.compile, header: writer.bytes, parts: [module])
  }

  /// Reads a request.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .compile, parts: 1)
    id = fields.string("id", isRequired: true, bytesMax: 64) ?? ""
    limits = fields.object("limits", isRequired: true) { ModuleLimits(&$0) } ?? ModuleLimits()
    module = frame.parts[0]
    try SandboxMessageError.finish(&fields)
  }
}

/// The answer to a `CompileRequest`. Part of the frame: the compiled module, empty when it was rejected.
package struct CompileReport: Hashable, Sendable {
  /// The id of the request.
  package var id: String
  /// Why it was rejected; `nil` when it was compiled. At most 512 bytes.
  package var rejection: String?
  /// Native code. Its SHA-256 is the name under which a run refers to it.
  package var compiled: [UInt8]
  /// Processor time in microseconds.
  package var cpuMicroseconds: Int64

  package init(id: String, rejection: String?, compiled: [UInt8] = [], cpuMicroseconds: Int64 = 0) {
    self.id = id
    self.rejection = rejection
    self.compiled = compiled
    self.cpuMicroseconds = cpuMicroseconds
  }

  /// The frame on the wire.
  package var frame: SandboxFrame {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("id", id)
    writer.member("rejection", ifPresent: rejection)
    writer.member("cpu_us", cpuMicroseconds)
    writer.endObject()
    return SandboxFrame(.compiled, header: writer.bytes, parts: [compiled])
  }

  /// Reads a report.
  package init(_ frame: SandboxFrame) throws(SandboxMessageError) {
    var fields = try SandboxMessageError.fields(of: frame, .compiled, parts: 1)
    id = fields.string("id", isRequired: true, bytesMax: 64) ?? ""
    rejection = fields.string("rejection", bytesMax: 512)
    cpuMicroseconds = fields.int("cpu_us", isRequired: true, in: 0 ... .max) ?? 0
    compiled = frame.parts[0]
    try SandboxMessageError.finish(&fields)
    guard (rejection == nil) != compiled.isEmpty else { throw SandboxMessageError("neither compiled nor rejected") }
  }
}
