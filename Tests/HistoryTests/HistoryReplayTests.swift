import Contracts
import Decider
import Foundation
import History
import JSON
import Testing
import Workflows

/// The bundles are histories of real runs. They are never changed: a version of the program that cannot replay one of
/// them would break the open runs of its users.
private let bundles: [URL] = {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Bundles")
  let files = try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
  return (files ?? []).filter { $0.pathExtension == "json" }.sorted { $0.path < $1.path }
}()

private func bundle(_ name: String) throws -> RunBundle {
  let url = try #require(bundles.first { $0.lastPathComponent == name + ".json" })
  return try RunBundle(reading: Array(Data(contentsOf: url)))
}

@Suite struct HistoryReplayTests {
  @Test func `the set of bundles covers what users rely on`() {
    let names = Set(bundles.map { $0.deletingPathExtension().lastPathComponent })
    #expect(names.isSuperset(of: ["single", "plan-execute", "map-reduce", "board", "waits", "timed", "two-step"]))
  }

  @Test(arguments: bundles)
  func `a bundle replays to the same decisions`(url: URL) throws {
    let bundle = try RunBundle(reading: Array(Data(contentsOf: url)))
    let replay = bundle.replay()
    #expect(replay.verdict == .consistent)
    #expect(replay.state.status.isEnded)
    #expect(bundle.missingPayloads.isEmpty)
    #expect(bundle.factFaults().isEmpty)
    #expect(ReplayReport(run: bundle.run, history: bundle.events, replay: replay).isConsistent)
  }

  @Test(arguments: bundles)
  func `every event is read back as it was written`(url: URL) throws {
    for event in try RunBundle(reading: Array(Data(contentsOf: url))).events {
      let data = try JSONDocument(parsing: EventCodec.encode(event)).root
      #expect(EventCodec.decode(type: event.type, step: event.step, data: data) == event)
    }
  }

  @Test(arguments: bundles)
  func `a history without one of its events, or with two swapped, is found out`(url: URL) throws {
    let bundle = try RunBundle(reading: Array(Data(contentsOf: url)))
    func isFoundOut(_ history: [RunEvent]) -> Bool {
      let replay = HistoryReplay.verify(history, with: bundle.workflow)
      return replay.verdict != .consistent || replay.state != bundle.replay().state
    }
    for index in bundle.events.indices {
      var shorter = bundle.events
      shorter.remove(at: index)
      #expect(isFoundOut(shorter), "without event \(index + 1)")
    }
    for index in bundle.events.indices.dropLast()
    where bundle.events[index].isConsequence != bundle.events[index + 1].isConsequence {
      var swapped = bundle.events
      swapped.swapAt(index, index + 1)
      #expect(isFoundOut(swapped), "events \(index + 1) and \(index + 2) swapped")
    }
  }

  @Test func `a changed retry policy shows at the first decision that it changes`() throws {
    let bundle = try bundle("timed")
    var steps = bundle.workflow.steps
    let place = try #require(steps.firstIndex { $0.key == "b" })
    steps[place].retry.attemptsMax = 5
    let changed = Workflow(name: bundle.workflow.name, version: bundle.workflow.version, steps: steps)
    guard case .diverged(let divergence) = bundle.replay(with: changed).verdict else {
      Issue.record("not found out")
      return
    }
    #expect(divergence.recorded == .stepExhausted(step: "b"))
    #expect(divergence.replayed?.type == "step.ready")
    #expect(divergence.fact.type == "step.timed_out")
  }

  @Test func `one changed byte of a payload or event is found out`() throws {
    let url = try #require(bundles.first { $0.lastPathComponent == "waits.json" })
    let text = try String(contentsOf: url, encoding: .utf8)
    #expect(throws: BundleError.self) {
      try RunBundle(reading: Array(text.replacingOccurrences(of: "\"deploy\":\"v2\"", with: "\"deploy\":\"v3\"").utf8))
    }
    let lied = text.replacingOccurrences(
      of: "\"steps.ask.output.approved\": true", with: "\"steps.ask.output.approved\": false")
    #expect(lied != text)
    #expect(try RunBundle(reading: Array(lied.utf8)).replay().verdict != .consistent)
  }

  @Test(arguments: [
    "", "{}", "[]", #"{"format":"cadre-run-bundle","version":99}"#, #"{"format":"cadre-run-bundle","version":1}"#,
  ])
  func `what is no bundle is refused with a reason`(text: String) {
    #expect(throws: BundleError.self) { try RunBundle(reading: Array(text.utf8)) }
  }
}
