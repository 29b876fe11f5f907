import Routing
import Testing

@Suite struct StreamSilenceTests {
  @Test func `only the time in which somebody reads counts`() {
    var silence = StreamSilence(at: 100)
    silence.resumed(at: 100)
    silence.paused(at: 150)
    // The caller was slow for 1000.
    silence.resumed(at: 1150)
    #expect(silence.since == 1100)
    silence.paused(at: 1200)
    silence.ended(at: silence.now)
    #expect(silence.since == 1200)
    silence.resumed(at: 1100)
    #expect(silence.since == 1200, "a clock that steps back gives no time")
  }

  @Test func `the finish counts from its first event, unless the provider goes on after it`() {
    var silence = StreamSilence(at: 0)
    silence.resumed(at: 10)
    silence.finished(hasContent: true)
    #expect(silence.finishedAt == 10)
    silence.resumed(at: 20)
    silence.finished(hasContent: false)
    #expect(silence.finishedAt == 10)
    silence.finished(hasContent: true)
    #expect(silence.finishedAt == nil)
    silence.finished(hasContent: false)
    #expect(silence.finishedAt == nil)
  }
}
