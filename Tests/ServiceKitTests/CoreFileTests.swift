import Glibc
import Testing

@testable import ServiceKit

@Suite struct CoreFileTests {
  @Test func `a service makes no core files and cannot allow them again`() {
    #expect(CoreFiles.forbid())
    var limit = rlimit()
    #expect(getrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit) == 0)
    #expect(limit.rlim_cur <= CoreFiles.bytesMax)
    #expect(limit.rlim_max <= CoreFiles.bytesMax)
    #expect(CoreFiles.forbid())
  }
}
