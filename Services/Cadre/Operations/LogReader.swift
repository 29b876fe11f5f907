internal import Glibc
internal import LocalStack

/// Reads the logs of a data folder: their last lines, and then what is added.
package struct LogReader {
  /// Of each log so much of its end is read for the first lines: 1 MiB.
  package static let tailBytesMax = 1 << 20
  /// A line beyond this is shown in parts: 64 KiB.
  private static let lineBytesMax = 64 << 10
  private static let pieceBytesMax = 256 << 10

  private struct Log {
    let source: String
    let path: String
    var offset: Int64 = 0
    /// The beginning of a line whose end is not written yet.
    var rest: [UInt8] = []
  }

  private let folder: String
  private let services: [String]
  private var logs: [String: Log] = [:]

  /// A reader of the logs in `data`; with names of services or processes, of theirs only.
  package init(data: String, services: [String] = []) {
    folder = FileAccess.absolute(data) + "/logs"
    self.services = services
  }

  /// The processes whose logs are there.
  package var sources: [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var found: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      guard name.hasSuffix(".log") else { continue }
      let source = String(name.dropLast(4))
      let isWanted = services.isEmpty || services.contains { source == $0 || source.hasPrefix($0 + "-") }
      if isWanted { found.append(source) }
    }
    return found.sorted()
  }

  /// The last `count` lines that match, in the order of their times; a line without one stays behind its predecessor.
  package mutating func last(_ count: Int, _ filter: LogFilter) -> [LogLine] {
    var found: [(time: String, line: LogLine)] = []
    for source in sources {
      var log = Log(source: source, path: "\(folder)/\(source).log")
      log.offset = max(0, LogReader.size(of: log.path) - Int64(LogReader.tailBytesMax))
      let isCut = log.offset > 0
      var time = ""
      var lines = LogReader.read(&log, bytesMax: LogReader.tailBytesMax)
      if isCut, !lines.isEmpty { lines.removeFirst() }
      for line in lines {
        if !line.time.isEmpty { time = line.time }
        if line.matches(filter) { found.append((time, line)) }
      }
      logs[source] = log
    }
    let ordered = found.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
    return ordered.suffix(count).map(\.element.line)
  }

  /// What was added since the last look, also to logs that are new, in the order of times.
  package mutating func added(_ filter: LogFilter) -> [LogLine] {
    var found: [LogLine] = []
    for source in sources {
      var log = logs[source] ?? Log(source: source, path: "\(folder)/\(source).log")
      let size = LogReader.size(of: log.path)
      // It was begun anew.
      if size < log.offset { (log.offset, log.rest) = (0, []) }
      if size > log.offset {
        found += LogReader.read(&log, bytesMax: LogReader.pieceBytesMax).filter { $0.matches(filter) }
      }
      logs[source] = log
    }
    return found.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
  }

  private static func size(of path: String) -> Int64 {
    var info = stat()
    return stat(path, &info) == 0 ? Int64(info.st_size) : 0
  }

  /// Reads on from the place of the last look; what has no line end yet waits for it.
  private static func read(_ log: inout Log, bytesMax: Int) -> [LogLine] {
    guard let file = fopen(log.path, "re") else { return [] }
    defer { fclose(file) }
    guard fseek(file, Int(log.offset), SEEK_SET) == 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = fread(&bytes, 1, bytes.count, file)
    log.offset += Int64(count)
    var lines = (log.rest + bytes.prefix(count)).split(separator: 0x0A, omittingEmptySubsequences: false)
    log.rest = lines.popLast().map(Array.init) ?? []
    if log.rest.count > lineBytesMax {
      lines.append(log.rest[...])
      log.rest = []
    }
    return lines.filter { !$0.isEmpty }.map { LogLine(String(decoding: $0, as: UTF8.self), source: log.source) }
  }
}
