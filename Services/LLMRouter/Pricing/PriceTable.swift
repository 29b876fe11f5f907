internal import Primitives

/// What providers have published of their models at one day.
public struct PriceTable: Sendable {
  /// A model in the table.
  public struct Entry: Sendable, Hashable {
    /// The price.
    public let price: Price
    /// Tokens of prompt and answer; nil: not published.
    public let contextTokens: Int64?
    /// Tokens of an answer; nil: not published.
    public let outputTokensMax: Int64?
    /// What it can do, by the words of the API.
    public let capabilities: [String]
  }

  /// What is wrong with a table.
  public struct Fault: Error, Sendable, Hashable {
    /// The line, counted from 1.
    public let line: Int
    /// A sentence.
    public let message: String
  }

  private static let columns = [
    "kind", "model", "input", "output", "cache_read", "cache_write", "cache_write_1h", "context", "output_max",
    "capabilities", "long_above", "long_input", "long_output", "long_cache_read",
  ]
  private static let linesMax = 10_000

  /// The day of the prices, as `YYYY-MM-DD`; empty when the table does not say.
  public let asOf: String
  private let entries: [String: Entry]

  /// How many models there are.
  public var count: Int { entries.count }

  /// No prices.
  public init() {
    asOf = ""
    entries = [:]
  }

  /// Reads a table: lines of comma-separated values under a line with the names of the columns; `#` begins a remark,
  /// `# as_of DAY` says the day. Prices are US dollars per million tokens.
  public init(csv text: String) throws(Fault) {
    var asOf = ""
    var entries: [String: Entry] = [:]
    var sawHead = false
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let number = index + 1
      guard number <= PriceTable.linesMax else { throw Fault(line: number, message: "the table is too long") }
      if line.hasPrefix("# as_of ") { asOf = String(line.dropFirst("# as_of ".count)) }
      if line.isEmpty || line.hasPrefix("#") { continue }
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard sawHead else {
        guard cells == PriceTable.columns else { throw Fault(line: number, message: "other columns than expected") }
        sawHead = true
        continue
      }
      let row = Row(cells: cells, line: number)
      entries["\(cells[0])/\(try row.text(1))"] = try row.entry()
    }
    self.asOf = asOf
    self.entries = entries
  }

  /// What is known of a provider's model; a name with a date at its end stands for the name without it when it is not
  /// listed itself.
  public func find(kind: String, model: String) -> Entry? {
    if let entry = entries["\(kind)/\(model)"] { return entry }
    let base = PriceTable.undated(model)
    return base == model ? nil : entries["\(kind)/\(base)"]
  }

  /// Without `-2025-08-07` or `-20250929`.
  private static func undated(_ model: String) -> String {
    for shape in ["-dddd-dd-dd", "-dddddddd"] where model.utf8.count > shape.utf8.count {
      let tail = model.suffix(shape.count)
      if zip(tail, shape).allSatisfy({ $1 == "d" ? $0.isASCII && $0.isNumber : $0 == $1 }) {
        return String(model.dropLast(shape.count))
      }
    }
    return model
  }

  private struct Row {
    let cells: [String]
    let line: Int

    func text(_ column: Int) throws(Fault) -> String {
      guard column < cells.count, !cells[column].isEmpty else {
        throw Fault(line: line, message: "\(PriceTable.columns[column]) is missing")
      }
      return cells[column]
    }

    private func price(_ column: Int) throws(Fault) -> Int64? {
      guard column < cells.count, !cells[column].isEmpty else { return nil }
      guard let dollars = Double(cells[column]), dollars >= 0, dollars <= Double(Price.max / 1_000_000) else {
        throw Fault(line: line, message: "\(PriceTable.columns[column]) is no price")
      }
      return Int64(saturating: dollars * 1_000_000)
    }

    private func count(_ column: Int) throws(Fault) -> Int64? {
      guard column < cells.count, !cells[column].isEmpty else { return nil }
      guard let count = Int64(cells[column]), count > 0, count <= TokenUsage.tokensMax else {
        throw Fault(line: line, message: "\(PriceTable.columns[column]) is no count")
      }
      return count
    }

    func entry() throws(Fault) -> Entry {
      _ = try text(0)
      guard let input = try price(2), let output = try price(3) else {
        throw Fault(line: line, message: "input and output are needed")
      }
      var long: LongPromptPrice?
      if let above = try count(10) {
        guard let input = try price(11), let output = try price(12) else {
          throw Fault(line: line, message: "long_input and long_output are needed")
        }
        long = LongPromptPrice(above: above, input: input, output: output, cacheRead: try price(13))
      }
      let words = cells.count > 9 ? cells[9].split(separator: "+").map(String.init) : []
      return Entry(
        price: Price(
          input: input, output: output, cacheRead: try price(4), cacheWrite: try price(5), cacheWriteLong: try price(6),
          longPrompt: long), contextTokens: try count(7), outputTokensMax: try count(8), capabilities: words)
    }
  }
}
