internal import Contracts
internal import Crypto
public import Decider
public import JSON
internal import Primitives
internal import Workflows

/// A run in one file: its workflow, its history and every payload that it names. It is replayed without a database,
/// keys or network.
public struct RunBundle: Sendable {
  /// The name of the format.
  public static let format = "cadre-run-bundle"
  /// The version of the format that is written; older ones are read.
  public static let version: Int64 = 1
  private static let limits = JSONLimits(bytesMax: 1 << 30, nodesMax: 100_000_000)

  /// The id of the run.
  public let run: String
  /// The workflow that it is pinned to.
  public let workflow: Workflow
  /// Its history.
  public let events: [RunEvent]
  /// The payloads that are there, by their digests.
  public let payloads: [String: JSONDocument]

  /// Makes a bundle.
  public init(run: String, workflow: Workflow, events: [RunEvent], payloads: [String: JSONDocument]) {
    self.run = run
    self.workflow = workflow
    self.events = events
    self.payloads = payloads
  }

  /// Reads a bundle. Throws `BundleError` with the place of what is wrong.
  public init(reading bytes: [UInt8]) throws(BundleError) {
    let document: JSONDocument
    do { document = try JSONDocument(parsing: bytes, limits: RunBundle.limits) } catch {
      throw BundleError("The file is not JSON: \(error)")
    }
    let root = document.root
    guard root["format"]?.string == RunBundle.format else { throw BundleError("The file is not a run bundle.") }
    guard let version = root["version"]?.int, (1...RunBundle.version).contains(version) else {
      throw BundleError("The bundle has a version that this program does not know.")
    }
    guard let run = root["run_id"]?.string, let workflowView = root["workflow"],
      let workflowVersion = root["workflow_version"]?.int, let eventViews = root["events"]
    else { throw BundleError("The bundle lacks run_id, workflow, workflow_version or events.") }
    self.run = run
    do { workflow = try WorkflowDocument.read(workflowView, version: Int(workflowVersion)) } catch {
      throw BundleError("The workflow of the bundle is not valid: \(error.faults.first?.detail ?? "")")
    }
    var events: [RunEvent] = []
    for view in eventViews.elements {
      guard let sequence = view["seq"]?.int, sequence == Int64(events.count + 1) else {
        throw BundleError("Event \(events.count + 1) is missing: sequence numbers must have no gap.")
      }
      guard let type = view["type"]?.string, let data = view["data"],
        let event = EventCodec.decode(type: type, step: view["step"]?.string, data: data)
      else { throw BundleError("Event \(sequence) cannot be read by this version.") }
      events.append(event)
    }
    self.events = events
    var payloads: [String: JSONDocument] = [:]
    for (key, value) in root["payloads"]?.members ?? JSONView.noMembers {
      let digest = key.string ?? ""
      let body = Array(value.rawBytes)
      guard Hex.encode(Digest.sha256(body)) == digest else {
        throw BundleError("The payload \(digest) does not have that digest: it was changed.")
      }
      do { payloads[digest] = try JSONDocument(parsing: body) } catch {
        throw BundleError("The payload \(digest) is not JSON.")
      }
    }
    self.payloads = payloads
  }

  /// Replays the bundle with its own workflow, or with `other` as if the run had been pinned to that.
  public func replay(with other: Workflow? = nil) -> HistoryReplay.Report {
    HistoryReplay.verify(events, with: other ?? workflow)
  }

  /// Values in the history that differ from what the payloads say: a change of either after the fact.
  public func factFaults() -> [String] {
    let watched = WatchedReferences(workflow)
    var faults: [String] = []
    for (index, event) in events.enumerated() {
      let recorded: [Fact]
      let expected: [Fact]
      switch event {
      case .runCreated(_, _, let input, _, let facts):
        guard let document = payloads[input.sha256] else { continue }
        (recorded, expected) = (facts, watched.facts(input: document.root))
      case .stepSucceeded(let step, _, let output, let facts, _), .planExpanded(let step, _, let output, let facts, _):
        guard let document = payloads[output.sha256] else { continue }
        (recorded, expected) = (facts, watched.facts(output: document.root, of: step))
      default: continue
      }
      if recorded != expected { faults.append("event \(index + 1) remembers other values than its payload holds") }
    }
    return faults
  }

  /// Payloads that the history names and that are not in the bundle.
  public var missingPayloads: [String] {
    Set(events.flatMap(\.payloads).map(\.sha256)).filter { payloads[$0] == nil }.sorted()
  }
}

extension RunEvent {
  /// The payloads that the event names.
  public var payloads: [PayloadRef] {
    switch self {
    case .runCreated(_, _, let input, _, _): [input]
    case .callRecorded(_, _, let call): [call.result]
    case .stepSucceeded(_, _, let output, _, _), .planExpanded(_, _, let output, _, _): [output]
    case .signalReceived(_, _, let payload, _, _): [payload]
    case .approvalRequested(_, _, let subject): [subject]
    case .approvalDecided(_, _, let decision): [decision.output]
    case .stepSuspended(_, _, let asks): asks.map(\.subject)
    case .askAnswered(_, _, _, let answer): [answer.answer]
    case .stepCompleted(_, let output?), .runSucceeded(let output?): [output]
    default: []
    }
  }
}

/// A bundle cannot be read.
public struct BundleError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A sentence that says what is wrong and where.
  public let description: String

  init(_ description: String) { self.description = description }
}
