internal import JSON

/// A line of a log: one JSON object of a service, or any text of another program.
package struct LogLine: Sendable, Equatable {
  private static let levels = ["debug", "info", "warning", "error"]
  /// Members that every line has; they are shown in places of their own.
  private static let common: Set<String> = ["time", "level", "service", "message"]

  /// The process that wrote it.
  package let source: String
  /// The line as it is.
  package let raw: String
  /// When, as the line says it; empty when it says nothing.
  package let time: String
  let level: String?
  private let message: String
  private let attributes: [(name: String, value: String)]

  package static func == (left: LogLine, right: LogLine) -> Bool {
    left.source == right.source && left.raw == right.raw
  }

  /// Reads a line of the log of `source`.
  package init(_ raw: String, source: String) {
    self.source = source
    self.raw = raw
    guard raw.first == "{", let root = try? JSONDocument(parsing: raw).root, let message = root["message"]?.string
    else {
      (time, level, message, attributes) = ("", nil, raw, [])
      return
    }
    time = root["time"]?.string ?? ""
    level = root["level"]?.string
    self.message = message
    attributes = root.members.compactMap { member in
      guard let name = member.key.string, !LogLine.common.contains(name) else { return nil }
      return (name, member.value.string ?? String(decoding: member.value.rawBytes, as: UTF8.self))
    }
  }

  /// For people: time, level, process, message and attributes on one line.
  package var text: String {
    guard level != nil || !time.isEmpty else { return "\(source.padded(to: 14)) \(LogLine.printable(raw))" }
    let parts = attributes.map { "\($0.name)=\($0.value.contains(" ") ? "\"\($0.value)\"" : $0.value)" }
    return LogLine.printable(
      ([time, (level ?? "").padded(to: 7), source.padded(to: 14), message] + parts).joined(separator: " "))
  }

  /// Control characters could change the terminal.
  private static func printable(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }

  /// Whether it is shown. Lines without a level count as `info`; `run` looks in all attributes.
  package func matches(_ filter: LogFilter) -> Bool {
    if let least = filter.level, let at = LogLine.levels.firstIndex(of: least) {
      guard let own = LogLine.levels.firstIndex(of: level ?? "info"), own >= at else { return false }
    }
    guard let run = filter.run else { return true }
    return attributes.contains { $0.value.contains(run) }
  }
}

/// Which lines are shown.
package struct LogFilter: Sendable {
  /// The least level.
  package var level: String?
  /// An id that an attribute must hold: of a run, a step or a trace.
  package var run: String?

  /// All lines.
  package init(level: String? = nil, run: String? = nil) {
    self.level = level
    self.run = run
  }
}
