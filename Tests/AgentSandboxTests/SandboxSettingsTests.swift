import Settings
import Testing

@testable import AgentSandbox

struct SandboxSettingsTests {
  private static func memory(_ text: String) throws -> Int {
    let settings = try SettingsTable(SandboxSettings.all).load(
      SettingsSources(environment: ["CADRE_SANDBOX_MEMORY_BYTES": text]))
    return settings[SandboxSettings.memory]
  }

  @Test(arguments: [
    "0", "1", "-1", "65536", "16MiB", "33554431", "1073741825", "4GiB", "4294967297", "1TiB", "9223372036854775807",
    "9223372036854775808", "NaN",
  ])
  func `memory that no run can have is a fault of the setting`(text: String) throws {
    do {
      _ = try Self.memory(text)
      Issue.record("\(text) was taken")
    } catch let error as SettingsError {
      #expect(
        "\(error)".contains("sandbox.memory_bytes") || "\(error)".contains("CADRE_SANDBOX_MEMORY_BYTES"), "\(error)")
    }
  }

  @Test func `the least and the most memory are taken`() throws {
    #expect(try Self.memory("32MiB") == 32 << 20)
    #expect(try Self.memory("1GiB") == 1 << 30)
  }

  @Test func `memory that the machine does not have is named`() {
    #expect(SandboxSettings.memoryFault(1 << 30, physicalBytes: 1 << 30) == nil)
    #expect(SandboxSettings.memoryFault(1 << 30, physicalBytes: -1) == nil, "not known")
    #expect(
      SandboxSettings.memoryFault(1 << 30, physicalBytes: 512 << 20)?.description
        == "sandbox.memory_bytes is 1024 MiB, and this machine has 512 MiB of memory")
  }
}
