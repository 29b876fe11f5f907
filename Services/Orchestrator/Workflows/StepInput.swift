internal import Contracts
public import Decider
public import JSON

/// What a step is given: its template filled with what the run knows. Pure: the payloads are arguments.
public struct StepInput: Sendable {
  /// Largest input in bytes.
  public static let bytesMax = 8 << 20
  /// Most bytes of inputs and outputs that the input of one step may refer to, those of a fan-out counted one by one.
  public static let sourceBytesMax = 64 << 20

  private enum Source {
    case payload(PayloadRef)
    case list([PayloadRef?])
    case object([(key: String, payload: PayloadRef?)])
  }

  /// The payload that is the whole input, when nothing has to be filled in.
  public let whole: PayloadRef?
  /// The payloads that `render` needs.
  public let payloads: [PayloadRef]
  /// About how large the input becomes at most, in bytes; an element of a fan-out is taken for one of average size.
  public let bytesEstimate: Int
  private let state: RunState
  private let step: RunState.Step
  private let run: String
  private let template: (document: JSONDocument, template: Template)?

  /// Looks what the step needs. Throws `TemplateError` when its template is malformed or refers to too much.
  public init(_ step: RunState.Step, in state: RunState, run: String) throws {
    self.state = state
    self.step = step
    self.run = run
    let definition = state.definition(of: step)
    guard let text = definition.input ?? (step.item == nil ? nil : "{\"$ref\": \"item\"}") else {
      whole = state.input
      payloads = []
      bytesEstimate = min(StepInput.bytesMax, max(0, state.input?.bytes ?? 0))
      template = nil
      return
    }
    whole = nil
    let document = try JSONDocument(parsing: text)
    let template = try Template(document.root)
    self.template = (document, template)
    var needed: [PayloadRef] = []
    var roots: Set<Reference.Root> = []
    for reference in template.references where roots.insert(reference.root).inserted {
      switch StepInput.source(reference.root, step, state) {
      case .payload(let payload): needed.append(payload)
      case .list(let payloads): needed += payloads.compactMap { $0 }
      case .object(let members): needed += members.compactMap(\.payload)
      case nil: break
      }
    }
    var seen: Set<PayloadRef> = []
    var bytes = 0
    for payload in needed {
      let (sum, isOver) = bytes.addingReportingOverflow(max(0, payload.bytes))
      guard !isOver, sum <= StepInput.sourceBytesMax else {
        throw TemplateError(
          "The input of the step refers to inputs and outputs of more than \(StepInput.sourceBytesMax) bytes together.")
      }
      bytes = sum
    }
    payloads = needed.filter { seen.insert($0).inserted }
    bytesEstimate = template.references.reduce(min(StepInput.bytesMax, text.utf8.count)) { sum, reference in
      min(StepInput.bytesMax, sum + StepInput.bytesEstimate(reference.root, step, state))
    }
  }

  /// Fills the template. `documents` holds the parsed payloads by their digests. Throws `TemplateError`, or
  /// `MissingPayload` when one is not there.
  public func render(_ documents: [String: JSONDocument]) throws -> [UInt8] {
    guard let template else { return [] }
    var made: [Reference.Root: JSONDocument] = [:]
    var found: [Reference: JSONView?] = [:]
    return try template.template.render(bytesMax: StepInput.bytesMax) { reference in
      if let value = found[reference] { return value }
      let value = try value(of: reference, documents, &made)
      found[reference] = .some(value)
      return value
    }
  }

  private func value(
    of reference: Reference, _ documents: [String: JSONDocument], _ made: inout [Reference.Root: JSONDocument]
  ) throws -> JSONView? {
    if let document = made[reference.root] { return reference.follow(from: document.root) }
    guard let document = try document(reference.root, documents) else { return nil }
    made[reference.root] = document
    if reference.root == .item {
      guard let fanOut = state.definition(of: step).fanOut, let items = Reference(fanOut.items), let item = step.item,
        let element = items.follow(from: document.root)?[item]
      else { return nil }
      let alone = try JSONDocument(parsing: Array(element.rawBytes))
      made[.item] = alone
      return reference.follow(from: alone.root)
    }
    return reference.follow(from: document.root)
  }

  private func document(_ root: Reference.Root, _ documents: [String: JSONDocument]) throws -> JSONDocument? {
    switch root {
    case .index: return try JSONDocument(parsing: String(step.item ?? 0))
    case .run: return try JSONDocument(parsing: "\"\(run)\"")
    case .failure(let key): return try failure(of: key)
    default: break
    }
    func parsed(_ payload: PayloadRef) throws -> JSONDocument {
      guard let document = documents[payload.sha256] else { throw MissingPayload(sha256: payload.sha256) }
      return document
    }
    switch StepInput.source(root, step, state) {
    case nil: return nil
    case .payload(let payload): return try parsed(payload)
    case .list(let payloads):
      var writer = JSONWriter()
      writer.beginArray()
      for payload in payloads {
        if let payload { writer.raw(try parsed(payload).root.rawBytes) } else { writer.null() }
      }
      writer.endArray()
      return try JSONDocument(parsing: writer.bytes, limits: .joined)
    case .object(let members):
      var writer = JSONWriter()
      writer.beginObject()
      for (key, payload) in members {
        writer.key(key)
        if let payload { writer.raw(try parsed(payload).root.rawBytes) } else { writer.null() }
      }
      writer.endObject()
      return try JSONDocument(parsing: writer.bytes, limits: .joined)
    }
  }

  private func failure(of key: String) throws -> JSONDocument? {
    guard let step = state.step(key), step.status == .failed, let failure = step.failure else { return nil }
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("code", failure.code)
    writer.member("message", failure.message)
    writer.endObject()
    return try JSONDocument(parsing: writer.bytes)
  }

  private static func bytesEstimate(_ root: Reference.Root, _ step: RunState.Step, _ state: RunState) -> Int {
    func size(_ payload: PayloadRef?) -> Int { min(bytesMax, max(0, payload?.bytes ?? 4)) }
    switch source(root, step, state) {
    case .payload(let payload):
      let count = root == .item ? step.parent.map { state.steps[$0].children.count } ?? 1 : 1
      return size(payload) / max(1, count)
    case .list(let payloads): return payloads.reduce(0) { min(bytesMax, $0 + size($1)) }
    case .object(let members): return members.reduce(0) { min(bytesMax, $0 + size($1.payload)) }
    case nil: return 100
    }
  }

  private static func source(_ root: Reference.Root, _ step: RunState.Step, _ state: RunState) -> Source? {
    switch root {
    case .input: return state.input.map { .payload($0) }
    case .item:
      guard let fanOut = state.definition(of: step).fanOut, let items = Reference(fanOut.items) else { return nil }
      return source(items.root, step, state)
    case .output(let key):
      guard let other = state.step(key) else { return nil }
      if state.definition(of: other).fanOut != nil { return .list(other.children.map { state.steps[$0].output }) }
      return other.output.map { .payload($0) }
    case .parts(let key):
      guard let other = state.step(key) else { return nil }
      return .object(
        other.children.map { (state.definition(of: state.steps[$0]).key, state.steps[$0].output) })
    case .index, .run, .failure: return nil
    }
  }
}

/// A payload that a step needs is not there.
public struct MissingPayload: Error, Hashable, Sendable {
  /// Its digest.
  public let sha256: String

  /// Makes the error.
  public init(sha256: String) { self.sha256 = sha256 }
}

extension JSONLimits {
  /// The outputs of a fan-out or of a plan as one document.
  fileprivate static let joined = JSONLimits(bytesMax: StepInput.sourceBytesMax + (4 << 20), nodesMax: 16_000_000)
}
