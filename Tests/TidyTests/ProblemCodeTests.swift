import Contracts
import HTTPWire
import Testing

/// Every problem code that stands in the sources is in the catalogue, with its status, and the other way round.
@Suite struct ProblemCodeTests {
  /// Where a status and a code stand beside each other: `Problem(.conflict, code: "run_ended"`.
  private struct Use {
    let file: SourceFile
    let maker: String
    let position: Int
    let status: String?
    let code: String
  }

  /// Types whose `code:` is a problem code when a status stands beside it.
  private static let makers = ["Problem(", "CallFailure(", "self.init("]

  private static func uses(in file: SourceFile) -> [Use] {
    guard file.isShippedSwift, let code = file.masked?.code else { return [] }
    return makers.flatMap { maker in
      SourceFile.occurrences(of: maker, in: code).compactMap { position -> Use? in
        let start = position + maker.utf8.count
        let text = String(decoding: file.bytes[start..<min(file.bytes.count, start + 300)], as: UTF8.self)
        guard let label = text.firstRange(of: "code: \"") else { return nil }
        let head = text[..<label.lowerBound]
        // The code belongs to this call when only a status stands before it.
        guard head.allSatisfy({ $0.isWhitespace || $0.isLetter || ".,:_?".contains($0) }), head.contains("."),
          let end = text[label.upperBound...].firstIndex(of: "\"")
        else { return nil }
        let literal = String(text[label.upperBound..<end])
        guard !literal.contains("\\") else { return nil }
        let words = head.split { !$0.isLetter }.map(String.init)
        return Use(file: file, maker: maker, position: position, status: words.last, code: literal)
      }
    }
  }

  /// Names of statuses as the sources write them.
  private static let statuses: [String: UInt16] = [
    "badRequest": 400, "unauthorized": 401, "paymentRequired": 402, "forbidden": 403, "notFound": 404,
    "methodNotAllowed": 405, "requestTimeout": 408, "conflict": 409, "preconditionFailed": 412, "contentTooLarge": 413,
    "unsupportedMediaType": 415, "unprocessableContent": 422, "tooManyRequests": 429, "internalServerError": 500,
    "badGateway": 502, "serviceUnavailable": 503, "gatewayTimeout": 504, "overloaded": 529,
  ]

  @Test func `every code of the sources is in the catalogue, with its status`() {
    let uses = Repository.current.files.flatMap(Self.uses)
    #expect(uses.count > 20, "the search finds the uses")
    for use in uses {
      let place = "\(use.file.path):\(use.file.line(of: use.position)): \(use.code)"
      guard let code = ProblemCatalog.code(named: use.code) else {
        Issue.record("\(place) is not in the catalogue (Shared/Contracts/Problems)")
        continue
      }
      guard let status = use.status.flatMap({ Self.statuses[$0] }) else { continue }
      #expect(code.statuses.contains { $0.code == status }, "\(place) has another status in the catalogue")
    }
  }

  @Test func `a problem takes its code from the catalogue, not from a text`() {
    for use in Repository.current.files.flatMap(Self.uses) where use.maker == "Problem(" {
      Issue.record("\(use.file.path):\(use.file.line(of: use.position)): Problem(.\(Self.camel(use.code)), ...)")
    }
  }

  @Test func `everything that is not found has a code of the catalogue`() {
    var count = 0
    for file in Repository.current.files where file.isShippedSwift {
      let text = String(decoding: file.bytes, as: UTF8.self)
      for part in text.split(separator: "notFound(\"").dropFirst() {
        guard let kind = part.split(separator: "\"").first, !kind.contains("\\") else { continue }
        count += 1
        #expect(
          ProblemCatalog.code(named: "\(kind.replacing(" ", with: "_"))_not_found") != nil, "\(file.path): \(kind)")
      }
    }
    #expect(count > 30, "the search finds the uses")
  }

  @Test func `every code of the catalogue is used`() {
    let texts = Repository.current.files.filter(\.isShippedSwift).filter {
      !$0.path.hasPrefix("Shared/Contracts/Problems/")
    }.map { String(decoding: $0.bytes, as: UTF8.self) }
    let all = texts.joined(separator: "\n")
    let framing = ProblemCatalog.sections.first { $0.title == "HTTP" }?.codes ?? []
    for code in ProblemCatalog.codes where !framing.contains(code) {
      let kind = code.name.hasSuffix("_not_found") ? String(code.name.dropLast(10)) : nil
      let camel = Self.camel(code.name)
      let isUsed =
        all.contains("\"\(code.name)\"") || [",", ")", "\n"].contains { all.contains(".\(camel)\($0)") }
        || (kind.map { all.contains("otFound(\"\($0.replacing("_", with: " "))\")") } ?? false)
      #expect(isUsed, "nothing answers with \(code.name)")
    }
  }

  private static func camel(_ name: String) -> String {
    let words = name.split(separator: "_")
    return (words.first.map(String.init) ?? "")
      + words.dropFirst().map { $0 == "json" ? "JSON" : $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
  }
}
