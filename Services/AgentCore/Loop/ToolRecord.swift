internal import Contracts
internal import JSON

/// How a tool's result stands in the journal.
enum ToolRecord {
  /// The document of a result.
  static func document(_ report: ToolReport) -> [UInt8] {
    var writer = JSONWriter(reservingBytes: report.text.utf8.count + 128)
    writer.beginObject()
    writer.member("text", report.text)
    if report.isError { writer.member("error", true) }
    writer.member("code", ifPresent: report.code)
    if !report.artefacts.isEmpty {
      writer.key("artefacts")
      writer.beginArray()
      for artefact in report.artefacts { artefact.write(to: &writer) }
      writer.endArray()
    }
    if !report.metering.isEmpty {
      writer.key("metering")
      writer.beginObject()
      for figure in report.metering { writer.member(figure.name, figure.value) }
      writer.endObject()
    }
    writer.endObject()
    return writer.bytes
  }

  /// Reads a result; `nil` when it is none. What it has consumed is not needed again.
  static func read(_ call: RecordedCall) -> ToolReport? {
    guard let root = (try? JSONDocument(parsing: call.result))?.root, let text = root["text"]?.string else {
      return nil
    }
    return ToolReport(
      text: text, isError: root["error"]?.bool ?? false, code: root["code"]?.string,
      artefacts: (root["artefacts"].map { Array($0.elements) } ?? []).compactMap { ArtefactReference($0) },
      durationMilliseconds: call.durationMilliseconds)
  }
}
