import Contracts
import Decider
import Foundation
import History
import JSON
import Testing

@Suite struct RunBundleWriterTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Bundles")

  private static func read(_ name: String) throws -> RunBundle {
    try RunBundle(reading: Array(Data(contentsOf: folder.appendingPathComponent(name + ".json"))))
  }

  private static func write(_ bundle: RunBundle) -> [UInt8] {
    var writer = RunBundleWriter()
    var bytes = writer.head(
      run: bundle.run, status: "succeeded", workflow: bundle.workflow, writtenBy: "a \"test\"")
    for (index, event) in bundle.events.enumerated() {
      bytes += writer.event(
        sequence: index + 1, at: "2026-01-01T00:00:00Z", type: event.type, step: event.step,
        data: EventCodec.encode(event))
    }
    for (digest, payload) in bundle.payloads.sorted(by: { $0.key < $1.key }) {
      bytes += writer.payload(digest, Array(payload.root.rawBytes))
    }
    return bytes + writer.end()
  }

  @Test(arguments: ["single", "plan-execute", "map-reduce", "board", "waits", "timed", "two-step"])
  func `what is written is read back the same`(name: String) throws {
    let bundle = try Self.read(name)
    let again = try RunBundle(reading: Self.write(bundle))
    #expect(again.run == bundle.run)
    #expect(again.workflow == bundle.workflow)
    #expect(again.events == bundle.events)
    #expect(
      again.payloads.mapValues { Array($0.root.rawBytes) } == bundle.payloads.mapValues { Array($0.root.rawBytes) })
    #expect(again.replay().verdict == .consistent)
  }

  @Test func `a run without events and payloads is a document, too`() throws {
    let workflow = try Self.read("single").workflow
    var writer = RunBundleWriter()
    var bytes = writer.head(run: "run_1", status: "pending", workflow: workflow, writtenBy: "test")
    bytes += writer.end()
    let bundle = try RunBundle(reading: bytes)
    #expect(bundle.events.isEmpty)
    #expect(bundle.payloads.isEmpty)
  }
}
