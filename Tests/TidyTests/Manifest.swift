/// What `Package.swift` says about the modules: the calls `shared("X", […])`, `library("X", at: "…", […])`,
/// `service("X", at: "…", […])`, `tests("X", […])`, `.target(name: "X", …)`, `.executableTarget(name: "X", …)`,
/// `.testTarget(name: "X", …)`, and the system libraries.
struct Manifest {
  struct Module: Equatable {
    let name: String
    let folder: String
    let dependencies: Set<String>
    var isExecutable = false
  }

  private(set) var modules: [Module] = []
  private(set) var systemLibraries: Set<String> = []

  init(_ file: SourceFile) {
    for kind in ["shared", "library", "service", "tests", "systemLibrary"] {
      for call in file.calls(of: kind) {
        // The declarations of these functions take parameters, not literals, and a target's own call is read below.
        let literals = call.literals.map(\.text)
        guard let name = literals.first, !call.isMember, !call.isDeclaration else { continue }
        switch kind {
        case "systemLibrary": systemLibraries.insert(name)
        case "shared": add(name, "Shared/\(name)", literals.dropFirst())
        case "tests": add("\(name)Tests", "Tests/\(name)Tests", literals.dropFirst())
        default:
          if literals.count > 1 { add(name, literals[1], literals.dropFirst(2), isExecutable: kind == "service") }
        }
      }
    }
    for kind in ["target", "executableTarget", "testTarget", "systemLibrary"] {
      for call in file.calls(of: kind) where call.isMember {
        guard let name = call.literals(after: "name").first, !name.contains("\\(") else { continue }
        if kind == "systemLibrary" {
          systemLibraries.insert(name)
        } else if let folder = call.literals(after: "path").first {
          add(name, folder, call.literals(after: "dependencies")[...], isExecutable: kind == "executableTarget")
        }
      }
    }
  }

  private mutating func add(
    _ name: String, _ folder: String, _ dependencies: ArraySlice<String>, isExecutable: Bool = false
  ) {
    modules.append(
      Module(name: name, folder: folder, dependencies: Set(dependencies), isExecutable: isExecutable))
  }

  /// The module that a file belongs to: the one with the longest matching folder.
  func module(of path: String) -> Module? {
    modules.filter { path.hasPrefix($0.folder + "/") }.max { $0.folder.utf8.count < $1.folder.utf8.count }
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
