internal import AgentTools
internal import AgentWorkspace
internal import Contracts
internal import JSON
internal import Reactor

/// Where the tools of texts take their input from: the call itself or an artefact of the run. What is not small is
/// computed on other threads than those of the event loops.
struct TextSource: Sendable {
  /// Largest text that is worked on.
  static let bytesMax = 4 << 20
  /// Texts up to this are worked on at once.
  private static let inlineBytesMax = 2 << 10

  let artefacts: (any ArtefactStoring)?
  let pool: BlockingPool

  /// The text of the member `text`, or of the artefact that `artefact` names.
  func text(
    _ call: ToolInvocation, _ member: String = "text", artefact: String = "artefact"
  ) async throws -> Result<String, ToolFault> {
    let root = call.arguments.root
    if let text = root[member]?.string {
      guard root[artefact] == nil else {
        return .failure(ToolFault(.invalidArguments, "give either \(member) or \(artefact), not both"))
      }
      return .success(text)
    }
    guard let name = root[artefact]?.string else {
      return .failure(ToolFault(.invalidArguments, "one of \(member) and \(artefact) is required"))
    }
    switch try await artefacts.content(name, bytesMax: TextSource.bytesMax, call.context) {
    case .failure(let fault): return .failure(fault)
    case .success(let bytes):
      guard let text = String(validating: bytes, as: UTF8.self) else {
        return .failure(ToolFault(.invalidArguments, "the artefact \(name) is not text"))
      }
      return .success(text)
    }
  }

  /// Runs a computation whose cost grows with the bytes of its input.
  func compute(bytes: Int, _ body: @escaping @Sendable () -> ToolResult) async throws -> ToolResult {
    if bytes <= TextSource.inlineBytesMax { return body() }
    do { return try await pool.run(body) } catch {
      return .failure(.unavailable, "too many computations wait; try again later")
    }
  }
}

/// Why a tool cannot go on.
struct ToolFault: Error, Sendable {
  let code: ToolResultCode
  let message: String

  init(_ code: ToolResultCode, _ message: String) {
    self.code = code
    self.message = message
  }

  var result: ToolResult { .failure(code, message) }

  init(_ error: WorkspaceError) {
    let code: ToolResultCode =
      switch error.kind {
      case .leaseLost, .unavailable: .unreachable
      case .notFound: .notFound
      case .quota: .tooLarge
      case .refused: .invalidArguments
      }
    self.init(code, error.message)
  }
}

extension Optional where Wrapped == any ArtefactStoring {
  /// The bytes of an artefact.
  func content(_ name: String, bytesMax: Int, _ context: ToolContext) async throws -> Result<[UInt8], ToolFault> {
    guard let self else { return .failure(ToolFault(.unavailable, "there are no artefacts here")) }
    guard let name = ArtefactName(name) else {
      return .failure(ToolFault(.invalidArguments, "a name is a relative path of plain segments, such as data/a.csv"))
    }
    return try await ToolFault.catching {
      try await self.artefact(name, bytesMax: bytesMax, for: WorkspaceStep(context)).bytes
    }
  }
}

extension ToolFault {
  /// What a port of the workspace gives, or its error as a fault. Passes on cancellation.
  static func catching<Value>(_ body: () async throws -> Value) async throws -> Result<Value, ToolFault> {
    do {
      return .success(try await body())
    } catch let error as WorkspaceError {
      return .failure(ToolFault(error))
    } catch is CancellationError {
      throw CancellationError()
    } catch {
      return .failure(ToolFault(.internalError, "the workspace failed"))
    }
  }
}

/// The tools that compute from one or two texts.
struct TextExecutor: ToolExecutor {
  /// One computation.
  struct Computation: Sendable {
    /// The member with the text and that with the name of an artefact, for each text that is needed.
    let inputs: [(text: String, artefact: String)]
    let run: @Sendable ([String], JSONView) -> ToolResult
  }

  let texts: TextSource
  let compute: Computation

  func run(_ call: ToolInvocation) async throws -> ToolResult {
    var inputs: [String] = []
    for input in compute.inputs {
      switch try await texts.text(call, input.text, artefact: input.artefact) {
      case .success(let text): inputs.append(text)
      case .failure(let fault): return fault.result
      }
    }
    let bytes = inputs.reduce(0) { $0 + $1.utf8.count }
    guard bytes <= 2 * TextSource.bytesMax else { return .failure(.tooLarge, "the texts are too long") }
    let (run, arguments, given) = (compute.run, call.arguments, inputs)
    return try await texts.compute(bytes: bytes) { run(given, arguments.root) }
  }
}
