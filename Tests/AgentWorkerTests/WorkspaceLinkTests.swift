import AgentWorkspace
import HTTP
import HTTPWire
import Testing

@testable import AgentWorker

@Suite struct WorkspaceLinkTests {
  @Test(arguments: [
    (409, "lease_lost", WorkspaceError.Kind.leaseLost), (403, "lease_differs", .leaseLost),
    (404, "artefact_not_found", .notFound), (422, "artefact_quota_exceeded", .quota),
    (422, "invalid_artefact_name", .refused), (413, "body_too_large", .refused), (401, "assertion_invalid", .refused),
    (401, "assertion_expired", .unavailable), (503, "storage_unavailable", .unavailable), (429, "x", .unavailable),
    (500, "internal_error", .unavailable),
    // Somebody else's answer: a proxy that knows no replica at the moment.
    (404, "", .unavailable), (403, "", .unavailable),
  ])
  func `an answer says what to do`(status: Int, code: String, kind: WorkspaceError.Kind) {
    let body = code.isEmpty ? "<html>" : #"{"code":"\#(code)","detail":"d","errors":[{"pointer":"/a","detail":"f"}]}"#
    let error = WorkspaceLink.error(
      WorkspaceReply(
        status: HTTPStatus(code: status), headers: HTTPHeaders(), bytes: Array(body.utf8)))
    #expect(error.kind == kind)
    #expect(error.message == (code.isEmpty ? "The orchestrator answered with status \(status)." : "d /a: f"))
  }

  @Test func `what was kept longest leaves when there is no room`() {
    var cache = SourceCache(bytesMax: 10)
    cache.add("a", [UInt8](repeating: 1, count: 4))
    cache.add("b", [UInt8](repeating: 2, count: 4))
    cache.add("a", [9])
    cache.add("c", [UInt8](repeating: 3, count: 5))
    #expect(cache.find("a") == nil && cache.find("b")?.count == 4 && cache.find("c")?.count == 5)
    cache.add("d", [UInt8](repeating: 4, count: 11))
    #expect(cache.find("d") == nil && cache.find("c") != nil)
  }
}
