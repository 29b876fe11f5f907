internal import Crypto
internal import Glibc
internal import JSON
public import Policy
internal import Primitives
internal import Settings

/// Why a bundle cannot be used.
public struct PolicyBundleError: Error, Sendable, CustomStringConvertible {
  /// The file with the fault, from the folder on; empty for the folder itself.
  public let file: String
  /// What is wrong, with line and column where there are some.
  public let message: String

  /// Makes an error.
  public init(file: String = "", _ message: String) {
    self.file = file
    self.message = message
  }

  /// One line.
  public var description: String { file.isEmpty ? message : "\(file): \(message)" }
}

/// How large a bundle may be.
public struct PolicyBundleLimits: Sendable {
  /// Files, those that are skipped included.
  public var filesMax = 2000
  /// Bytes of all files together.
  public var bytesMax = 32 << 20
  /// Folders inside each other.
  public var depthMax = 8

  /// The standard.
  public init() {}
}

/// Policies and what they need to know, compiled. The same for as long as it lives.
///
/// A folder holds modules (`*.rego`, but not `*_test.rego`) at any depth, and `data/*.json` and `data/*.yaml`, whose
/// members become members of `data.cadre.config`.
public struct PolicyBundle: Sendable {
  /// Where the documents of `data/` are seen, below `data`.
  public static let configurationPath = ["cadre", "config"]

  /// The rules.
  public let program: PolicyProgram
  /// The base documents.
  public let data: RegoValue
  /// SHA-256 of the names and contents of all files, in hexadecimal.
  public let revision: String
  /// The number of modules.
  public let modules: Int
  /// The lines of each module, for explanations.
  let sources: [String: [UInt8]]

  /// Compiles modules and documents. `documents` are JSON or YAML, by the ends of their names.
  public init(
    modules: [(file: String, text: [UInt8])], documents: [(file: String, text: [UInt8])] = []
  ) throws(PolicyBundleError) {
    do {
      program = try PolicyProgram(modules)
    } catch {
      throw PolicyBundleError(file: error.file, "\(error.place.line):\(error.place.column): \(error.message)")
    }
    var configuration = RegoObject()
    for document in documents { try PolicyBundle.add(document, to: &configuration) }
    var data = RegoValue.object(configuration)
    for name in PolicyBundle.configurationPath.reversed() { data = .object(RegoObject([(.string(name), data)])) }
    self.data = data
    self.modules = modules.count
    sources = Dictionary(modules.map { ($0.file, $0.text) }, uniquingKeysWith: { first, _ in first })
    var hash = SHA256Stream()
    for (file, text) in (modules + documents).sorted(by: { $0.file < $1.file }) {
      hash.update(Array("\(file.utf8.count):\(file)\(text.count):".utf8))
      hash.update(text)
    }
    revision = Hex.encode(hash.finish())
  }

  /// Reads a folder and compiles what is in it. Blocks; for a thread of its own.
  public init(folder: String, limits: PolicyBundleLimits = PolicyBundleLimits()) throws(PolicyBundleError) {
    let files = try PolicyFolder.list(folder, limits)
    var modules: [(file: String, text: [UInt8])] = []
    var documents: [(file: String, text: [UInt8])] = []
    var bytes = 0
    for file in files {
      let content: FileContents
      do {
        content = try FileContents.read(folder + "/" + file.name, limit: limits.bytesMax - bytes)
      } catch { throw PolicyBundleError(file: file.name, error.message) }
      bytes += content.bytes.count
      if file.name.hasSuffix(".rego") {
        modules.append((file.name, content.bytes))
      } else {
        documents.append((file.name, content.bytes))
      }
    }
    guard !modules.isEmpty else { throw PolicyBundleError("the folder \(folder) has no policies") }
    try self.init(modules: modules, documents: documents)
  }

  // MARK: Documents

  private static func add(_ document: (file: String, text: [UInt8]), to root: inout RegoObject)
    throws(PolicyBundleError)
  {
    let value: RegoValue
    if document.file.hasSuffix(".json") {
      do {
        value = RegoValue(try JSONDocument(parsing: document.text).root)
      } catch { throw PolicyBundleError(file: document.file, error.description) }
    } else {
      do {
        value = RegoValue(try YAMLText.read(document.text, path: document.file))
      } catch { throw PolicyBundleError(file: document.file, error.faults.first?.description ?? "not YAML") }
    }
    guard case .object(let object) = value else {
      throw PolicyBundleError(file: document.file, "a document is an object")
    }
    try merge(object, into: &root, document.file, "")
  }

  /// Two documents may add to the same object, but not give the same member.
  private static func merge(
    _ new: RegoObject, into known: inout RegoObject, _ file: String, _ path: String
  ) throws(PolicyBundleError) {
    for place in 0..<new.count {
      let (key, value) = (new.keys[place], new.values[place])
      let name = path + "/" + (key.string ?? "")
      switch (known[key], value) {
      case (nil, _): known.set(key, value)
      case (.object(var inner)?, .object(let added)):
        try merge(added, into: &inner, file, name)
        known.set(key, .object(inner))
      default: throw PolicyBundleError(file: file, "another document has a value for \(name)")
      }
    }
  }
}

extension RegoValue {
  /// A YAML document as a value.
  init(_ node: ConfigNode) {
    switch node.content {
    case .list(let list): self = .array(list.map { RegoValue($0) })
    case .map(let entries): self = .object(RegoObject(entries.map { (.string($0.key), RegoValue($0.value)) }))
    case .scalar(let scalar):
      switch scalar.value {
      case .null: self = .null
      case .boolean(let value): self = .bool(value)
      case .integer(let value): self = .int(value)
      case .number(let value): self = value.isFinite ? .number(RegoNumber(value)) : .string(scalar.text)
      case .string: self = .string(scalar.text)
      }
    }
  }
}
