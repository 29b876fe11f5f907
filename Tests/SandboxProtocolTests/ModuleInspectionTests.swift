import SandboxProtocol
import Testing

@Suite struct ModuleInspectionTests {
  private static let head: [UInt8] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]
  private static let export: [UInt8] = [7, 10, 1, 6] + Array("_start".utf8) + [0, 0]

  private static func reason(_ bytes: [UInt8], _ change: (inout ModuleLimits) -> Void = { _ in }) -> String? {
    var limits = ModuleLimits()
    change(&limits)
    do throws(ModuleInspection.Rejection) {
      _ = try ModuleInspection(bytes, limits)
      return nil
    } catch { return error.reason }
  }

  @Test func `a module that may be compiled`() {
    let code: [UInt8] = [10, 6, 1, 4, 1, 3, 0x7f, 0x0b]
    #expect(Self.reason(Self.head + [0, 3, 1, 2, 3] + Self.export + code) == nil)
  }

  @Test(
    arguments: [
      [], [0, 0x61, 0x73, 0x6d], [0, 0x61, 0x73, 0x6d, 13, 0, 1, 0], head, head + [7], head + [7, 200, 1],
      head + [99, 0] + export, head + [7, 0], head + export + [10, 2, 1, 5], head + export + [10, 1, 255],
      head + [7, 2, 1, 255, 255, 255, 255, 127], head + [1, 6, 255, 255, 255, 255, 255, 255] + export,
      head + [0, 255, 255, 255, 255, 15] + export,
    ] as [[UInt8]])
  func `what is no module`(bytes: [UInt8]) { #expect(Self.reason(bytes) != nil) }

  @Test func `limits of shape`() {
    let code: [UInt8] = [10, 11, 2, 4, 1, 3, 0x7f, 0x0b, 4, 1, 3, 0x7f, 0x0b]
    let bytes = Self.head + Self.export + code
    #expect(Self.reason(bytes) == nil)
    #expect(Self.reason(bytes) { $0.bytes = 10 } == "the module is too large")
    #expect(Self.reason(bytes) { $0.functions = 1 } == "the module has too many functions")
    #expect(Self.reason(bytes) { $0.functionBytes = 3 } == "a function is too large")
    #expect(Self.reason(bytes) { $0.locals = 2 } == "a function has too many locals")
    #expect(Self.reason(bytes) { $0.entries = 0 } == "a list of the module is too long")
    let sections = Self.head + (0..<65).flatMap { _ in [UInt8(0), 0] }
    #expect(Self.reason(sections) == "the module has too many sections")
  }
}
