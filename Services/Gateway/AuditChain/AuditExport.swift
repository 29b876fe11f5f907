internal import JSON

/// An export: lines of JSON. The first says which chain it is and where it begins, the last where the chain ends; the
/// entries stand between.
package enum AuditExport {
  /// The form of the lines.
  package static let format = "cadre audit v1"
  /// Bytes of a line.
  package static let lineBytesMax = 64 << 10

  /// The first line.
  package static func first(_ base: SignedLink, signedAs purpose: AuditKeys.Purpose) -> [UInt8] {
    line { writer in
      writer.member("format", format)
      writer.member("chain", "\(base.link.chain)")
      writer.member("after", purpose == .entry ? "entry" : "base")
      writer.key("base")
      writer.beginObject()
      base.write(to: &writer)
      writer.endObject()
    }
  }

  /// The line of an entry.
  package static func entry(_ entry: ChainedEntry) -> [UInt8] { line { entry.write(to: &$0) } }

  /// The last line.
  package static func last(_ head: SignedLink) -> [UInt8] {
    line { writer in
      writer.key("head")
      writer.beginObject()
      head.write(to: &writer)
      writer.endObject()
    }
  }

  private static func line(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(reservingBytes: 512)
    writer.beginObject()
    build(&writer)
    writer.endObject()
    return writer.bytes + [UInt8(ascii: "\n")]
  }
}

/// Verifies an export, line by line.
package struct AuditExportReader {
  /// Why an export cannot be verified.
  package enum Refusal: String, Error, Sendable {
    /// The first line is not that of an export.
    case noExport = "this is no export of an audit log"
    /// Lines follow the last one.
    case trailing = "lines follow the end of the export"
    /// The last line is not there.
    case unfinished = "the export has no end: it was cut off, or its download was"
  }

  private let keys: AuditKeys?
  private var verifier: AuditVerifier?
  private var chain = AuditChainID.installation
  private var report: AuditReport?

  /// Begins; without keys only the hashes are verified.
  package init(keys: AuditKeys?) { self.keys = keys }

  /// Takes the next line, without its end.
  package mutating func take(_ line: some Collection<UInt8>) throws(Refusal) {
    guard report == nil else { throw .trailing }
    let document = line.count > AuditExport.lineBytesMax ? nil : try? JSONDocument(parsing: Array(line))
    guard var verifier else { return try begin(document?.root) }
    if let head = document?.root["head"].flatMap({ SignedLink($0, of: chain) }) {
      report = verifier.finish(head)
    } else if let entry = document.flatMap({ ChainedEntry($0.root, of: chain) }) {
      verifier.check(entry)
    } else {
      verifier.checkUnreadable()
    }
    self.verifier = verifier
  }

  private mutating func begin(_ root: JSONView?) throws(Refusal) {
    guard let root, root["format"]?.string == AuditExport.format,
      let chain = root["chain"]?.string.flatMap({ AuditChainID($0) }),
      let base = root["base"].flatMap({ SignedLink($0, of: chain) })
    else { throw .noExport }
    self.chain = chain
    verifier = AuditVerifier(base, signedAs: root["after"]?.string == "entry" ? .entry : .base, keys: keys)
  }

  /// What was found. Throws when the last line has not come.
  package func finish() throws(Refusal) -> AuditReport {
    guard verifier != nil else { throw .noExport }
    guard let report else { throw .unfinished }
    return report
  }
}
