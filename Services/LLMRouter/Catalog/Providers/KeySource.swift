package import JSON
package import Settings

/// Where a provider's key is found. The key itself stands in no table, answer or log.
package enum KeySource: Sendable, Hashable {
  /// A variable of the environment. Only names that end in `_API_KEY` are taken, so that nobody who may configure
  /// providers can have other secrets of the process sent somewhere.
  case environment(String)
  /// A file in the folder of keys.
  case file(String)

  /// Names of files: no path leads out of the folder.
  private static func isPlain(_ name: String) -> Bool {
    !name.isEmpty && name.utf8.count <= 100 && name != "." && name != ".."
      && name.utf8.allSatisfy {
        ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || "._-".utf8.contains($0)
      }
  }

  /// Reads `{"env": NAME}` or `{"file": NAME}`; nil for anything else.
  package init?(_ view: JSONView) {
    guard view.kind == .object, view.count == 1 else { return nil }
    if let name = view["env"]?.string, name.hasSuffix("_API_KEY"), !name.hasPrefix("CADRE_"), KeySource.isPlain(name) {
      self = .environment(name)
    } else if let name = view["file"]?.string, KeySource.isPlain(name) {
      self = .file(name)
    } else {
      return nil
    }
  }

  /// Writes it as the API shows it.
  package func write(to writer: inout JSONWriter) {
    writer.beginObject()
    switch self {
    case .environment(let name): writer.member("env", name)
    case .file(let name): writer.member("file", name)
    }
    writer.endObject()
  }

  /// The key, or nil when it is not there.
  package func resolve(folder: String) -> Secret? {
    let text: String? =
      switch self {
      case .environment(let name): KeyStorage.variable(name)
      case .file(let name): folder.isEmpty ? nil : KeyStorage.contents(of: "\(folder)/\(name)")
      }
    guard let text, !text.isEmpty else { return nil }
    return Secret(text)
  }
}
