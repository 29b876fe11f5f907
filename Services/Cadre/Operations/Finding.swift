internal import JSON

/// What a check found.
package struct Finding: Sendable, Equatable {
  /// How it is.
  package enum Status: String, Sendable {
    /// As it should be.
    case ok
    /// It works, and something should be done.
    case warning
    /// It does not work, or will not for long.
    case fault
    /// It could not be looked at.
    case skipped
  }

  /// The check, such as `postgres`.
  package let check: String
  /// How it is.
  package let status: Status
  /// What was found, in a clause.
  package let detail: String
  /// What to do about it, for faults and warnings.
  package let remedy: String?

  private init(_ check: String, _ status: Status, _ detail: String, _ remedy: String?) {
    self.check = check
    self.status = status
    self.detail = detail
    self.remedy = remedy
  }

  static func ok(_ check: String, _ detail: String) -> Finding { Finding(check, .ok, detail, nil) }
  static func skipped(_ check: String, _ detail: String) -> Finding { Finding(check, .skipped, detail, nil) }
  static func warning(_ check: String, _ detail: String, remedy: String) -> Finding {
    Finding(check, .warning, detail, remedy)
  }
  package static func fault(_ check: String, _ detail: String, remedy: String) -> Finding {
    Finding(check, .fault, detail, remedy)
  }
}

/// All findings of a look at an installation.
package struct Report: Sendable {
  /// The findings, in the order of the checks.
  package let findings: [Finding]
  private let redaction: Redaction

  init(_ findings: [Finding], redaction: Redaction) {
    self.findings = findings
    self.redaction = redaction
  }

  /// Whether nothing is at fault. Warnings and checks that were skipped are no faults.
  package var isHealthy: Bool { count(.fault) == 0 }

  func count(_ status: Finding.Status) -> Int { findings.count { $0.status == status } }

  /// For people: a line for each finding, with what to do below it.
  package var text: String {
    let width = findings.map(\.check.count).max() ?? 0
    var lines: [String] = []
    for finding in findings {
      let mark = finding.status == .fault ? "FAULT" : finding.status.rawValue
      lines.append("\(mark.padded(to: 8)) \(finding.check.padded(to: width))  \(line(finding.detail))")
      if let remedy = finding.remedy { lines.append("\("".padded(to: 9 + width))  mend: \(line(remedy))") }
    }
    lines.append(
      "\(count(.fault)) at fault, \(count(.warning)) to look at, \(count(.ok)) well, \(count(.skipped)) not checked")
    return redaction.apply(lines.joined(separator: "\n"))
  }

  /// For programs.
  package var json: String {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("healthy", isHealthy)
    writer.member("faults", Int64(count(.fault)))
    writer.member("warnings", Int64(count(.warning)))
    writer.key("findings")
    writer.beginArray()
    for finding in findings {
      writer.beginObject()
      writer.member("check", finding.check)
      writer.member("status", finding.status.rawValue)
      writer.member("detail", redaction.apply(finding.detail))
      writer.member("remedy", ifPresent: finding.remedy.map(redaction.apply))
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// Messages of programs may have several lines.
  private func line(_ text: String) -> String {
    text.split(whereSeparator: \.isNewline).joined(separator: "; ")
  }
}

/// Replaces secrets that the command knows, wherever they may have got into a text.
struct Redaction: Sendable {
  /// Shorter texts are words of ordinary sentences.
  private static let charactersMin = 6

  private let secrets: [String]

  init(_ secrets: [String]) {
    // Longer ones first: one may hold another.
    self.secrets = secrets.filter { $0.count >= Redaction.charactersMin }.sorted { $0.count > $1.count }
  }

  func apply(_ text: String) -> String {
    secrets.reduce(text) { $0.contains($1) ? $0.replacing($1, with: "[secret]") : $0 }
  }

  /// What is secret in a connection string or an address: the string itself and its password.
  static func secrets(of address: String) -> [String] {
    var found = [address]
    if let scheme = address.firstRange(of: "://") {
      let rest = address[scheme.upperBound...]
      if let at = rest.lastIndex(of: "@"), let colon = rest[..<at].firstIndex(of: ":") {
        found.append(String(rest[rest.index(after: colon)..<at]))
      }
    }
    for mark in ["password=", "password ="] {
      if let start = address.firstRange(of: mark) {
        let value = address[start.upperBound...].drop { $0 == " " }
        let isQuoted = value.first == "'"
        found.append(String(value.dropFirst(isQuoted ? 1 : 0).prefix { isQuoted ? $0 != "'" : $0 != " " && $0 != "&" }))
      }
    }
    return found
  }
}

extension String {
  /// With blanks to a width.
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
