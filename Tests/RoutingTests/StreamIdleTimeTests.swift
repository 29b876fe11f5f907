import Routing
import Testing

@Suite struct StreamIdleTimeTests {
  @Test func `only the time in which somebody reads counts`() {
    var idleTime = StreamIdleTime(at: 100)
    idleTime.resumed(at: 100)
    idleTime.paused(at: 150)
    // The caller was slow for 1000.
    idleTime.resumed(at: 1150)
    #expect(idleTime.since == 1100)
    idleTime.paused(at: 1200)
    idleTime.ended(at: idleTime.now)
    #expect(idleTime.since == 1200)
    idleTime.resumed(at: 1100)
    #expect(idleTime.since == 1200, "a clock that steps back gives no time")
  }

  @Test func `the finish counts from its first event, unless the provider goes on after it`() {
    var idleTime = StreamIdleTime(at: 0)
    idleTime.resumed(at: 10)
    idleTime.finished(hasContent: true)
    #expect(idleTime.finishedAt == 10)
    idleTime.resumed(at: 20)
    idleTime.finished(hasContent: false)
    #expect(idleTime.finishedAt == 10)
    idleTime.finished(hasContent: true)
    #expect(idleTime.finishedAt == nil)
    idleTime.finished(hasContent: false)
    #expect(idleTime.finishedAt == nil)
  }
}
