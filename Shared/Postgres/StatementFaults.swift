extension Statement {
  /// What is wrong with the declaration; a test expects nothing. Found without a database: parameters and columns that
  /// the text does not use, uses that are not declared, and a select list that is not in the text.
  public var faults: [String] {
    let code = StatementScanner.code(sql)
    let words = StatementScanner.words(code)
    var faults: [String] = []
    let used = StatementScanner.parameters(code)
    for (index, parameter) in parameters.enumerated() where !used.contains(index + 1) {
      faults.append("parameter \(parameter.name) is not used")
    }
    for number in used.sorted() where !(1...max(1, parameters.count)).contains(number) || parameters.isEmpty {
      faults.append("$\(number) is not declared")
    }
    if columns.count > 0, !sql.contains(columns.description) { faults.append("the columns of the result are not used") }
    for (index, rows) in rowSets.enumerated() {
      if rowSets[..<index].contains(where: { $0.alias == rows.alias }) {
        faults.append("the alias \(rows.alias) is used twice")
      }
      faults += StatementScanner.faults(of: rows, in: words)
    }
    return faults
  }
}

/// Reads the words of a statement, as far as the check of its declaration needs them.
enum StatementScanner {
  /// The text without string literals and comments.
  static func code(_ sql: String) -> [UInt8] {
    var code: [UInt8] = []
    var isQuoted = false
    var isComment = false
    var previous: UInt8 = 0
    for byte in sql.utf8 {
      if isComment {
        isComment = byte != UInt8(ascii: "\n")
      } else if byte == UInt8(ascii: "'") {
        isQuoted.toggle()
      } else if !isQuoted {
        if byte == UInt8(ascii: "-"), previous == byte {
          isComment = true
          code.removeLast()
        } else {
          code.append(byte)
        }
      }
      previous = byte
    }
    return code
  }

  /// The numbers behind `$`.
  static func parameters(_ code: [UInt8]) -> Set<Int> {
    var numbers: Set<Int> = []
    for start in code.indices where code[start] == UInt8(ascii: "$") {
      let digits = code[(start + 1)...].prefix { (48...57).contains($0) }
      if let number = Int(String(decoding: digits, as: UTF8.self)) { numbers.insert(number) }
    }
    return numbers
  }

  /// Names, with the alias before them: `q.run_id`.
  static func words(_ code: [UInt8]) -> [Substring] {
    String(decoding: code, as: UTF8.self).split { character in
      !(character.isLetter || character.isNumber || character == "_" || character == "." || character == "*")
    }
  }

  /// Columns are used with their alias, `q.run_id`, or all together, `q.*`.
  static func faults(of rows: StatementRowSet, in words: [Substring]) -> [String] {
    let prefix = rows.alias + "."
    let used = Set(words.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.utf8.count)) })
    let unused = used.contains("*") ? [] : rows.columns.filter { !used.contains($0) }
    let undeclared = used.filter { $0 != "*" && !rows.columns.contains($0) }.sorted()
    return unused.map { "column \(prefix)\($0) is not used" }
      + undeclared.map { "column \(prefix)\($0) is not declared" }
  }
}
