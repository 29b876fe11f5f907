/// What `Package.swift` says about the modules: the calls `shared("X", […])`, `library("X", at: "…", […])`,
/// `service("X", at: "…", […])`, `tests("X", […])` and the system libraries.
struct Manifest {
  struct Module: Equatable {
    let name: String
    let folder: String
    let dependencies: Set<String>
  }

  private(set) var modules: [Module] = []
  private(set) var systemLibraries: Set<String> = []

  init(_ file: SourceFile) {
    for kind in ["shared", "library", "service", "tests", "systemLibrary"] {
      for position in SourceFile.occurrences(of: kind + "(", in: file.masked?.code ?? []) {
        let call = Self.call(file, from: position + kind.utf8.count)
        // The declarations of these functions take parameters, not literals.
        guard let name = call.first else { continue }
        switch kind {
        case "systemLibrary": systemLibraries.insert(name)
        case "shared": add(name, "Shared/\(name)", call.dropFirst())
        case "tests": add("\(name)Tests", "Tests/\(name)Tests", call.dropFirst())
        default: if call.count > 1 { add(name, call[1], call.dropFirst(2)) }
        }
      }
    }
  }

  private mutating func add(_ name: String, _ folder: String, _ dependencies: ArraySlice<String>) {
    modules.append(Module(name: name, folder: folder, dependencies: Set(dependencies)))
  }

  /// The module that a file belongs to: the one with the longest matching folder.
  func module(of path: String) -> Module? {
    modules.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.utf8.count < $1.folder.utf8.count }
  }

  /// The string literals between the parenthesis at a place and the one that closes it.
  private static func call(_ file: SourceFile, from start: Int) -> [String] {
    let code = file.masked?.code ?? []
    var literals: [String] = []
    var depth = 0
    var opening: Int?
    for position in start..<code.count {
      switch code[position] {
      case UInt8(ascii: "("): depth += 1
      case UInt8(ascii: ")"):
        depth -= 1
        if depth == 0 { return literals }
      case UInt8(ascii: "\""):
        if let begin = opening {
          literals.append(String(decoding: file.bytes[(begin + 1)..<position], as: UTF8.self))
          opening = nil
        } else {
          opening = position
        }
      // A brace or a colon with a type means a declaration.
      case UInt8(ascii: "{"): return []
      default: break
      }
    }
    return literals
  }
}

/// An import of a Swift file.
struct ImportStatement: Equatable {
  let module: String
  let line: Int

  private static let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]

  static func all(in file: SourceFile) -> [ImportStatement] {
    guard let code = file.masked?.code else { return [] }
    let places = SourceFile.words("import", in: code)
    guard !places.isEmpty else { return [] }
    let lines = file.codeLines
    return places.compactMap { position in
      let line = file.line(of: position)
      let words = lines[line - 1].split(separator: " ")
      guard let place = words.firstIndex(of: "import") else { return nil }
      var rest = words[(place + 1)...]
      if let first = rest.first, kinds.contains(first) { rest = rest.dropFirst() }
      guard let name = rest.first?.split(separator: ".").first else { return nil }
      return ImportStatement(module: String(name), line: line)
    }
  }
}
