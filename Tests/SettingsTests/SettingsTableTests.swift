import Testing

@testable import Settings

@Suite struct SettingsTableTests {
  private static func contradictions(_ declarations: any SettingDeclaration...) -> [String] {
    SettingsTable.contradictions(in: declarations.map(\.row))
  }

  private static func text(_ key: String, environment: String? = nil) -> Setting<String> {
    Setting(key, .string(), default: "", environment: environment, "A text.")
  }

  @Test func `the environment name follows from the key unless it is given`() {
    #expect(Sample.port.row.environmentName == "CADRE_HTTP_PORT")
    #expect(Sample.timeout.row.environmentName == "CADRE_HTTP_IDLE_TIMEOUT_MS")
    #expect(Sample.collector.row.environmentName == "OTEL_EXPORTER_OTLP_ENDPOINT")
    #expect(Sample.providers.row.environmentName == nil)
  }

  @Test(arguments: ["", ".", "a.", ".a", "a..b", "A", "a-b", "1a", "a.1", "a b", "é"])
  func `a malformed key is a contradiction`(_ key: String) {
    #expect(Self.contradictions(Self.text(key)).count == 1)
  }

  @Test func `declarations that collide are contradictions`() {
    #expect(Self.contradictions(Self.text("a"), Self.text("a")).count == 2)
    #expect(Self.contradictions(Self.text("a"), Self.text("a.b")).count == 1)
    #expect(Self.contradictions(Self.text("a.b"), Self.text("a_b")).count == 1)
    #expect(Self.contradictions(Self.text("config")).count == 1)
    #expect(
      Self.contradictions(Self.text("x", environment: "OTEL_A"), Self.text("y", environment: "OTEL_A")).count == 1)
    let secret = Setting("k", .secret, "A secret.")
    #expect(Self.contradictions(secret, Self.text("k_file")).count == 2)
    #expect(Self.contradictions(Self.text("a.b"), Self.text("a.c"), Self.text("ab")).isEmpty)
  }

  @Test func `units stand in the key`() {
    let range = 1...10
    #expect(
      Self.contradictions(Setting("a", .milliseconds(in: range), default: .milliseconds(1), "x.")).count == 1)
    #expect(Self.contradictions(Setting("a_kb", .bytes(in: range), default: 1, "x.")).count == 1)
    #expect(
      Self.contradictions(Setting("a", .optional(.milliseconds(in: range)), default: nil, "x.")).count == 1)
    #expect(Self.contradictions(Setting("a", .bool, default: true, "")).count == 1)
  }

  @Test func `a contradictory table stops the process`() async {
    await #expect(processExitsWith: .failure) {
      _ = SettingsTable([Setting("A", .bool, default: true, "x.")])
    }
  }

  @Test func `the reference is complete, escaped and the same every time`() {
    let text = Sample.table.markdown(title: "sample")
    #expect(text == Sample.table.markdown(title: "sample"))
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "## sample")
    #expect(
      lines.contains(
        "| `http.port` | `CADRE_HTTP_PORT` | integer: an integer from 1 to 65535 | `8080` | Port of the listener. |"
      ))
    #expect(text.contains("| `http.idle_timeout_ms` | `CADRE_HTTP_IDLE_TIMEOUT_MS` |"))
    #expect(text.contains("| `5000` | Idle time. |"))
    #expect(text.contains("| `1MiB` |"))
    #expect(text.contains("coloured \\| or not."))
    #expect(text.contains("| required | The key that signs. |"))
    #expect(text.contains("| none | The former key. |"))
    #expect(text.contains("| `[secret]` | A small secret. |"))
    #expect(text.contains("| `providers` | file only |"))
    #expect(text.contains("`CADRE_AUTH_TOKEN_FILE`"))
    #expect(lines.filter { $0.hasPrefix("| `") }.count == Sample.table.rows.count)
  }

  @Test func `the dump lists every setting in order with its source`() throws {
    let dump = try Sample.load(yaml: "http: { port: 81 }").redactedDump
    #expect(dump.map(\.key) == Sample.table.rows.map(\.key))
    #expect(dump.first?.value == "81")
    #expect(dump.first?.source.hasSuffix("cadre.yaml:1:15") == true)
    #expect(
      dump.first { $0.key == "auth.token" } == .init(key: "auth.token", value: "[secret]", source: "CADRE_AUTH_TOKEN"))
    #expect(dump.first { $0.key == "log.level" } == .init(key: "log.level", value: "info", source: "default"))
  }
}
