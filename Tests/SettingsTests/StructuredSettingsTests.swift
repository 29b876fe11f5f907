import Settings
import Testing

@Suite struct StructuredSettingsTests {
  @Test func `a list of maps becomes typed values`() throws {
    let folder = try TemporaryFolder()
    let key = try folder.write("key", "k2\n")
    let yaml = """
      providers:
        - name: one
          base_url: https://one.example/v1
          api_key: ${ONE_KEY}
          models: [a, b]
        - { name: two, base_url: "http://two", api_key_file: \(key), weight: 3 }
      limits: { alpha: 1, beta: 100 }
      """
    let settings = try Sample.load(yaml: yaml, ["ONE_KEY": "k1"])
    let providers = settings[Sample.providers]
    #expect(providers.map(\.name) == ["one", "two"])
    #expect(providers.map { $0.key?.reveal() } == ["k1", "k2"])
    #expect(providers.map(\.models) == [["a", "b"], []])
    #expect(providers.map(\.weight) == [1, 3])
    #expect(settings[Sample.limits] == ["alpha": 1, "beta": 100])
    #expect(settings.redactedDump.first { $0.key == "providers" }?.value == "2 entries")
  }

  @Test func `every fault of every entry is found in one pass`() throws {
    let yaml = """
      providers:
        - name: one
          base_ulr: https://one.example
          models: a
        - 17
        - { name: forbidden, base_url: http://x, weight: 11 }
      limits:
        alpha: 101
        beta: many
      """
    let faults = try Sample.faults(yaml: yaml)
    let text = SettingsErrorText.of(faults)
    #expect(faults.count == 8, "\(text)")
    #expect(text.contains("providers[0].base_url: required and not set"))
    #expect(text.contains(":3:5: providers[0].base_ulr: unknown key; did you mean base_url?; allowed: api_key,"))
    #expect(text.contains(":4:13: providers[0].models: \"a\" is not a list"))
    #expect(text.contains(":5:5: providers[1]: 17 does not fit; allowed: a map"))
    #expect(text.contains(":6:13: providers[2].name: this name is reserved"))
    #expect(text.contains("providers[2].weight: 11 is out of range; allowed: an integer from 1 to 10"))
    #expect(text.contains(":8:10: limits.alpha: 101 is out of range"))
    #expect(text.contains(":9:9: limits.beta: \"many\" is not an integer"))
  }

  @Test func `only the file can give a structured setting`() throws {
    #expect(try Sample.faults(set: [("providers", "x")]).map(\.code) == [.unsupported])
    #expect(try Sample.faults(["CADRE_PROVIDERS": "x"]).map(\.code) == [.unknownVariable])
  }

  @Test func `an entry that is null is a fault, a list that is null is unset`() throws {
    #expect(try Sample.faults(yaml: "providers: [~]").map(\.code) == [.wrongType])
    #expect(try Sample.faults(yaml: "trace: { tags: [~] }").map(\.code) == [.wrongType])
    #expect(try Sample.load(yaml: "providers:\n")[Sample.providers] == [])
  }

  @Test func `a list longer than its limit is refused`() throws {
    #expect(try Sample.faults(yaml: "trace: { tags: [a, b, c, d] }").map(\.code) == [.limit])
    #expect(try Sample.faults(["CADRE_TRACE_TAGS": "a,b,c,d"]).map(\.code) == [.outOfRange])
  }

  @Test func `a tree is handed on as it is`() throws {
    let tree = Setting("policy.data", .optional(.tree), default: nil, "Data of policies.")
    let folder = try TemporaryFolder()
    let file = try folder.write("c.yaml", "policy: { data: { roles: [admin, { deep: 1.5 }] } }")
    let settings = try SettingsTable([tree]).load(SettingsSources(file: file))
    let node = try #require(settings[tree])
    guard case .list(let roles) = node["roles"]?.content else {
      Issue.record("no list")
      return
    }
    #expect(roles.first?.scalar?.text == "admin")
    #expect(roles.last?["deep"]?.scalar?.value == .number(1.5))
  }
}
