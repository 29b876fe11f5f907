internal import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import JSON

/// `artefact_list`
struct ArtefactListExecutor: ToolExecutor {
  let artefacts: any ArtefactStoring

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    switch try await ToolFault.catching({ try await artefacts.artefacts(for: WorkspaceStep(call.context)) }) {
    case .failure(let fault): return fault.result
    case .success(let list):
      guard !list.isEmpty else { return ToolResult(text: "this run has no artefacts yet") }
      return ToolResult(text: list.map { "\($0.name) (\($0.bytes) bytes, \($0.mediaType))" }.joined(separator: "\n"))
    }
  }
}

/// `artefact_read`
struct ArtefactReadExecutor: ToolExecutor {
  private static let lengthDefault: Int64 = 16_384

  let artefacts: any ArtefactStoring

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    let name = arguments["name"]?.string ?? ""
    let found = try await Optional(artefacts).content(
      name, bytesMax: WorkspaceLimits.artefactBytesMax, call.context)
    switch found {
    case .failure(let fault): return fault.result
    case .success(let bytes):
      let first = Int(clamping: arguments["offset"]?.whole(in: 0...(1 << 40)) ?? 0)
      let length = Int(clamping: arguments["length"]?.whole(in: 1...(1 << 20)) ?? ArtefactReadExecutor.lengthDefault)
      guard first < bytes.count || bytes.isEmpty else {
        return .failure(.invalidArguments, "\(name) has \(bytes.count) bytes, so there is none at \(first)")
      }
      let part = ArtefactReadExecutor.whole(bytes[first...].prefix(length))
      guard let text = String(validating: part, as: UTF8.self) else {
        return .failure(.invalidArguments, "\(name) is not text; it has \(bytes.count) bytes")
      }
      let end = first + part.count
      guard first > 0 || end < bytes.count else { return ToolResult(text: text) }
      return ToolResult(text: "[bytes \(first) to \(end) of \(bytes.count)]\n\(text)")
    }
  }

  /// A part of a text without the halves of scalars at its ends.
  private static func whole(_ part: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var part = part.count > 4 ? part.drop { $0 & 0xC0 == 0x80 } : part
    for back in 1...4 where back <= part.count {
      let byte = part[part.endIndex - back]
      if byte & 0xC0 == 0x80 { continue }
      let width = byte < 0x80 ? 1 : byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
      if width > back { part = part.dropLast(back) }
      break
    }
    return part
  }
}

/// `artefact_write`
struct ArtefactWriteExecutor: ToolExecutor {
  let artefacts: any ArtefactStoring

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    guard let name = ArtefactName(arguments["name"]?.string ?? "") else {
      return .failure(.invalidArguments, "a name is a relative path of plain segments, such as data/a.csv")
    }
    let bytes = arguments["content"]?.withString { Array($0) } ?? []
    let stored = try await ToolFault.catching {
      try await artefacts.put(
        name, bytes, mediaType: arguments["media_type"]?.string, for: WorkspaceStep(call.context))
    }
    switch stored {
    case .failure(let fault): return fault.result
    case .success(let reference):
      return ToolResult(
        text: "stored \(reference.name) (\(reference.bytes) bytes, \(reference.mediaType))", artefacts: [reference])
    }
  }
}

/// `memory_search`
struct MemorySearchExecutor: ToolExecutor {
  private static let limitDefault: Int64 = 10

  let memories: any MemoryStoring

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    let limit = Int(clamping: arguments["limit"]?.whole(in: 1...50) ?? MemorySearchExecutor.limitDefault)
    let found = try await ToolFault.catching {
      try await memories.recall(arguments["query"]?.string ?? "", limit: limit, for: WorkspaceStep(call.context))
    }
    switch found {
    case .failure(let fault): return fault.result
    case .success(let list):
      guard !list.isEmpty else { return ToolResult(text: "nothing is remembered about this") }
      let lines = list.map { memory in
        let tags = memory.tags.isEmpty ? "" : " [\(memory.tags.joined(separator: ", "))]"
        return "- \(memory.text)\(tags) (\(memory.createdAt))"
      }
      return ToolResult(text: lines.joined(separator: "\n"))
    }
  }
}

/// `memory_store`
struct MemoryStoreExecutor: ToolExecutor {
  let memories: any MemoryStoring

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    let arguments = call.arguments.root
    let tags = arguments["tags"]?.elements.compactMap(\.string) ?? []
    let stored = try await ToolFault.catching {
      try await memories.remember(
        arguments["text"]?.string ?? "", tags: tags,
        key: String(decoding: call.idempotencyKey.utf8.prefix(WorkspaceLimits.memoryKeyBytesMax), as: UTF8.self),
        for: WorkspaceStep(call.context))
    }
    switch stored {
    case .failure(let fault): return fault.result
    case .success: return ToolResult(text: "remembered")
    }
  }
}
