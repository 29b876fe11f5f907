extension Rule {
  static let bannedCodeRules = [
    noFoundation, noForce, noUnfinishedWork, noPrinting, noOwnTime, noUnprovenConcurrency, noGlobalQueue,
    noUnprovenTraps,
    noTrappingConversion,
  ]

  /// A rule about text in the code of products, comments and strings aside.
  static func shippedCode(
    _ name: String, outside homes: [String] = [], find: @escaping @Sendable ([UInt8], SourceFile) -> [(Int, String)]
  ) -> Rule {
    Rule(
      name,
      eachFile: { file in
        guard file.isShippedSwift, let code = file.masked?.code else { return [] }
        if homes.contains(where: { file.path.hasPrefix($0 + "/") }) { return [] }
        return find(code, file).map { Violation(file.path, file.line(of: $0.0), $0.1) }
      })
  }

  static let noFoundation = Rule(
    "products do not import Foundation",
    eachFile: { file in
      guard file.isShippedSwift else { return [] }
      return ImportStatement.all(in: file).filter { $0.module.hasPrefix("Foundation") }.map {
        Violation(
          file.path, $0.line, "imports \($0.module): it costs start-up time and memory; use Glibc or pure Swift")
      }
    })

  static let noForce = shippedCode("products never force: no `try!`, `as!`, `x!`") { code, _ in
    SourceFile.occurrences(of: "!", in: code).compactMap { position in
      guard position > 0 else { return nil }
      let before = code[position - 1]
      if position + 1 < code.count, code[position + 1] == UInt8(ascii: "=") { return nil }
      let word = identifier(before: position, in: code)
      if word == "try" || word == "as" { return (position, "\(word)! stops the process; handle the failure") }
      guard SourceFile.isIdentifier(before) || ")]\"}>?".utf8.contains(before) else { return nil }
      return (position, "forces an optional; use guard let or a default")
    }
  }

  static let noUnfinishedWork = Rule(
    "nothing is left unfinished",
    eachFile: { file in
      guard file.isShippedSwift || (file.isSwift && file.isUnder("Tests")) else { return [] }
      let marks = ["TO" + "DO", "FIX" + "ME", "X" + "XX"]
      return marks.flatMap { mark in
        SourceFile.words(mark, in: file.bytes).map {
          Violation(file.path, file.line(of: $0), "\(mark): finish it or say in a document why not")
        }
      }
    })

  static let noPrinting = shippedCode("only the command-line tool prints", outside: ["Services/Cadre"]) { code, _ in
    ["print", "debugPrint", "dump"].flatMap { name in
      SourceFile.words(name, in: code).compactMap { position in
        let end = position + name.utf8.count
        guard end < code.count, code[end] == UInt8(ascii: "(") else { return nil }
        // A member, a case or a function of that name is something else.
        if position > 0, code[position - 1] == UInt8(ascii: ".") { return nil }
        if position > 1, ["case", "func"].contains(identifier(before: position - 1, in: code)) { return nil }
        return (position, "\(name)( writes past the logger")
      }
    }
  }

  static let noOwnTime = shippedCode(
    "time and sleeping have one home", outside: ["Shared/SystemSources", "Shared/Reactor"]
  ) { code, _ in
    let functions = ["usleep", "sleep", "nanosleep", "clock_nanosleep", "clock_gettime", "gettimeofday", "Date"]
    return functions.flatMap { name in
      SourceFile.words(name, in: code).compactMap { position in
        let end = position + name.utf8.count
        guard end < code.count, code[end] == UInt8(ascii: "(") else { return nil }
        if name == "Date", end + 1 >= code.count || code[end + 1] != UInt8(ascii: ")") { return nil }
        let isMember = position > 0 && code[position - 1] == UInt8(ascii: ".")
        if isMember, !["Task", "Glibc"].contains(identifier(before: position - 1, in: code)) { return nil }
        // What is declared or awaited is a function of ours, such as an injected `sleep`.
        if position > 1, ["func", "await"].contains(identifier(before: position - 1, in: code)) { return nil }
        return (position, "\(name)( stands outside Shared/SystemSources and Shared/Reactor; inject a clock")
      }
    }
  }

  static let noUnprovenConcurrency = shippedCode(
    "every `@unchecked Sendable` and `nonisolated(unsafe)` has its proof beside it"
  ) { code, file in
    ["@unchecked Sendable", "nonisolated(unsafe)"].flatMap { text in
      SourceFile.occurrences(of: text, in: code).compactMap { position in
        let line = file.line(of: position)
        let comments = file.masked?.hasComment ?? []
        let isProven = [line, line - 1].contains { $0 >= 1 && $0 <= comments.count && comments[$0 - 1] }
        return isProven
          ? nil : (position, "\(text) without a comment on this or the previous line that says why it holds")
      }
    }
  }

  static let noGlobalQueue = shippedCode("nothing runs on a global queue") { code, _ in
    SourceFile.occurrences(of: "DispatchQueue.global", in: code).map {
      ($0, "DispatchQueue.global has no bound; use the blocking pool")
    }
  }

  /// The identifier that ends right before a place, without skipping blanks.
  static func identifier(before position: Int, in code: [UInt8]) -> String {
    var start = position
    while start > 0, SourceFile.isIdentifier(code[start - 1]) { start -= 1 }
    return String(decoding: code[start..<position], as: UTF8.self)
  }
}
