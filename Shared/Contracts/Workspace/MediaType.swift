/// The media types of artefacts: a closed list, chosen by the ending of the name, never by what the bytes look like.
public enum MediaType {
  /// What has no known type.
  public static let unknown = "application/octet-stream"

  private static let byEnding: [String: String] = [
    "txt": "text/plain", "log": "text/plain", "md": "text/markdown", "csv": "text/csv",
    "tsv": "text/tab-separated-values", "html": "text/html", "htm": "text/html", "css": "text/css",
    "xml": "application/xml", "svg": "image/svg+xml", "json": "application/json", "jsonl": "application/x-ndjson",
    "yaml": "application/yaml", "yml": "application/yaml", "toml": "application/toml", "py": "text/x-python",
    "js": "text/javascript", "mjs": "text/javascript", "ts": "text/plain", "swift": "text/plain", "c": "text/plain",
    "h": "text/plain", "rs": "text/plain", "go": "text/plain", "sh": "text/plain", "sql": "application/sql",
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "pdf": "application/pdf", "zip": "application/zip", "gz": "application/gzip", "tar": "application/x-tar",
    "wasm": "application/wasm", "parquet": "application/vnd.apache.parquet", "npy": unknown, "bin": unknown,
    "mp3": "audio/mpeg", "wav": "audio/wav", "mp4": "video/mp4",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
  ]
  private static let known = Set(byEnding.values)

  /// What browsers carry out when they are led to show it; downloads never name these types.
  private static let active: Set<String> = [
    "text/html", "image/svg+xml", "application/xml", "text/javascript", "text/css", "application/pdf",
  ]

  /// The type of a name. `stated` is what the sender says: it counts for names without a known ending, and only when it
  /// is on the list.
  public static func of(_ name: ArtefactName, stated: String? = nil) -> String {
    let segment = name.lastSegment
    if let dot = segment.lastIndex(of: "."),
      let type = byEnding[segment[segment.index(after: dot)...].lowercased()]
    {
      return type
    }
    guard let stated else { return unknown }
    let bare = stated.prefix { $0 != ";" }.filter { $0 != " " }.lowercased()
    return known.contains(bare) ? bare : unknown
  }

  /// The type that a download states.
  public static func ofDownload(_ type: String) -> String {
    active.contains(type) || !known.contains(type) ? unknown : type
  }
}
