import Settings
import Testing

@Suite struct CommandLineOptionsTests {
  private static let program = ProgramDescription(name: "cadre-sample", summary: "A sample.", version: "1.2.3")

  private static func text(_ arguments: String...) throws -> String {
    let outcome = try CommandLineOptions(arguments).outcome(
      for: Sample.table, program: program, environment: ["CADRE_AUTH_TOKEN": "hunter2"])
    guard case .print(let text) = outcome else { return "" }
    return text
  }

  private static func faults(_ arguments: String...) -> [String] {
    do {
      _ = try CommandLineOptions(arguments)
      return []
    } catch {
      return error.code == .usage ? error.faults.map(\.description) : ["wrong code"]
    }
  }

  @Test func `options are read in both spellings`() throws {
    let options = try CommandLineOptions(["--config", "a.yaml", "--set", "x=1", "--set=y=a=b", "--set", "z="])
    #expect(options.configFile == "a.yaml")
    #expect(
      options.overrides == [
        SettingsOverride(key: "x", value: "1"), SettingsOverride(key: "y", value: "a=b"),
        SettingsOverride(key: "z", value: ""),
      ])
    #expect(options.action == .run)
    #expect(try CommandLineOptions(["--config=b.yaml"]).configFile == "b.yaml")
  }

  @Test func `help wins over everything else`() throws {
    #expect(try CommandLineOptions(["--check-config", "--version", "-h"]).action == .help)
    #expect(try CommandLineOptions(["--check-config", "--version"]).action == .version)
  }

  @Test func `a misspelt option is refused with the nearest one and without its value`() {
    #expect(Self.faults("--cofnig=hunter2") == ["unknown option --cofnig; did you mean --config?"])
    #expect(Self.faults("--hepl", "-x").count == 2)
  }

  @Test func `missing and surplus arguments are refused`() {
    #expect(Self.faults("--config").count == 1)
    #expect(Self.faults("--config=").count == 1)
    #expect(Self.faults("--config", "a", "--config", "b").count == 1)
    #expect(Self.faults("--set").count == 1)
    #expect(Self.faults("--set", "novalue").count == 1)
    #expect(Self.faults("--set", "=x").count == 1)
    #expect(Self.faults("--help=yes").count == 1)
    #expect(Self.faults("word").count == 1)
    #expect(Self.faults("--", "--help").count == 1)
    #expect(Self.faults("--set=k=" + String(repeating: "x", count: 1024 * 1024)).count == 1)
  }

  @Test func `words are kept where they are accepted`() throws {
    let options = try CommandLineOptions(["dev", "--set", "a=b", "--", "--help"], acceptsWords: true)
    #expect(options.words == ["dev", "--help"])
    #expect(options.action == .run)
  }

  @Test func `help, version and reference need no valid configuration`() throws {
    let help = try Self.text("--help", "--set", "nonsense=1")
    #expect(help.contains("Usage: cadre-sample [options]"))
    #expect(help.contains("--check-config"))
    #expect(help.contains("http.port  [CADRE_HTTP_PORT]"))
    #expect(try Self.text("--version") == "cadre-sample 1.2.3\n")
    #expect(try Self.text("--print-config-docs").hasPrefix("## cadre-sample\n"))
  }

  @Test func `checking reports success or every fault`() throws {
    #expect(try Self.text("--check-config") == "the configuration is valid (14 settings)\n")
    let error = try #require(throws: SettingsError.self) {
      try Self.text("--check-config", "--set", "http.port=0", "--set", "log.level=x")
    }
    #expect(error.faults.count == 2)
  }

  @Test func `running yields the settings`() throws {
    let options = try CommandLineOptions(["--set", "http.port=99"])
    let outcome = try options.outcome(
      for: Sample.table, program: Self.program, environment: ["CADRE_AUTH_TOKEN": "t"])
    guard case .run(let settings) = outcome else {
      Issue.record("nothing to run")
      return
    }
    #expect(settings[Sample.port] == 99)
  }
}
