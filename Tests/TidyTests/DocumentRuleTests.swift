import Testing

/// Rules that compare code with documents, and rules about the tree.
@Suite struct DocumentRuleTests {
  private static func count(_ rule: Rule, _ texts: [String: String]) -> Int { rule.check(Repository(texts)).count }

  private static let telemetry = """
    ## Metrics

    | metric | kind | labels | meaning |
    | --- | --- | --- | --- |
    | `cadre_calls_total` | counter | model, `from` | Calls. |
    | `cadre_open` | gauge | - | Open. |

    ## Spans

    | span | kind | attributes |
    | --- | --- | --- |
    | `timer KIND` (a child) | internal | `cadre.run.id`, `gen_ai.usage.*` |

    ## Logs

    | attribute | meaning |
    | --- | --- |
    | `reason` | Why. |

    """

  private static let code = """
    let a = registry.counter(
      "cadre_calls_total", help: "Calls, of \\(kind("x"))", labels: ["model", "from"])
    registry.observeGauge("cadre_open", help: "Open.") { 1 }
    let span = tracer.startSpan("timer \\(kind)")
    span.setAttribute("cadre.run.id", .string(run))
    span.setAttribute("gen_ai.usage.input_tokens", .int(1))
    logger.warning(isOne ? "one" : "two", ["reason": .string("\\(error)")])

    """

  private static func telemetry(_ rule: Rule, _ old: String = "", _ new: String = "", inDocument: Bool = false) -> Int {
    count(
      rule,
      [
        "docs/telemetry.md": inDocument ? telemetry.replacing(old, with: new) : telemetry,
        "Services/X/A.swift": inDocument ? code : code.replacing(old, with: new),
      ])
  }

  @Test func `metrics and their document`() {
    #expect(Self.telemetry(.metricsAreDocumented) == 0)
    #expect(Self.telemetry(.metricsAreDocumented, "cadre_open", "cadre_opened") == 2)
    #expect(Self.telemetry(.metricsAreDocumented, "\"model\", ", "") == 1)
    #expect(Self.telemetry(.metricsAreDocumented, "observeGauge", "observeCounter") == 1)
    #expect(Self.telemetry(.metricsAreDocumented, "| gauge | - |", "| gauge | a |", inDocument: true) == 1)
    #expect(Self.telemetry(.metricsAreDocumented, "| `cadre_open`", "| cadre_open", inDocument: true) == 1)
  }

  @Test func `spans and their document`() {
    #expect(Self.telemetry(.spansAreDocumented) == 0)
    #expect(Self.telemetry(.spansAreDocumented, "\"timer ", "\"alarm ") == 1)
    #expect(Self.telemetry(.spansAreDocumented, "cadre.run.id", "cadre.run") == 2)
    #expect(Self.telemetry(.spansAreDocumented, "gen_ai.usage.input_tokens", "gen_ai.tokens") == 2)
    #expect(
      Self.telemetry(.spansAreDocumented, "`cadre.run.id`", "`cadre.run.id`, `cadre.more`", inDocument: true) == 1)
  }

  @Test func `fields of log lines and their document`() {
    #expect(Self.telemetry(.logFieldsAreDocumented) == 0)
    #expect(Self.telemetry(.logFieldsAreDocumented, "\"reason\"", "\"cause\"") == 2)
    #expect(Self.telemetry(.logFieldsAreDocumented, "| `reason`", "| `cause`", inDocument: true) == 2)
  }

  @Test func `variables of the environment`() {
    func count(_ path: String, _ source: String, _ document: String = "docs/configuration.md") -> Int {
      Self.count(.environment, [path: source, document: "| `CADRE_A`, `CADRE_B_FILE` | x |\n"])
    }
    #expect(count("Services/X/A.swift", "environment[\"CADRE_A\"]\nenvironment[\"CADRE_B_FILE\"]\n") == 0)
    #expect(count("Services/X/A.swift", "let a = environment[\"CADRE_C\"]\n") == 1)
    #expect(count("Services/X/A.swift", "environment[\"CADRE_C\"] = \"1\"\nenvironment[\"CADRE_C\"] == nil\n") == 1)
    #expect(count("Shared/X/A.swift", "getenv(\"CADRE_C\")\ngetenv(\"PATH\")\n") == 1)
    #expect(count("Services/X/A.swift", "environment[\"CADRE_A\"]\n", "CONTRIBUTING.md") == 1)
    #expect(count("Tests/X/a.py", "os.environ[\"CADRE_A\"]\nos.getenv(\"CADRE_C\")\n", "CONTRIBUTING.md") == 1)
    #expect(count("deploy/a.sh", "b=${CADRE_C:-1} ${a[@]} $1 ${CADRE_D}\n") == 1)
  }

  @Test func `what is no text, or large`() {
    func count(_ texts: [String: String], _ binaries: [String] = []) -> Int {
      Rule.noBinaries.check(Repository(texts, binaries: binaries)).count
    }
    #expect(count(["a.md": String(repeating: "a", count: 256 * 1024)]) == 0)
    #expect(count(["a.md": String(repeating: "a", count: 256 * 1024 + 1)]) == 1)
    #expect(count([:], ["x.whl", "Tests/Fuzz/A/seeds/a.bin"]) == 1)
  }

  @Test func `targets of the Makefile`() {
    func count(_ text: String) -> Int { Self.count(.makeTargets, ["Makefile": text]) }
    #expect(count("A := 1\n.PHONY: a b-c\na: ## Does it\n\t@x: y\nb-c: a ## Too\n") == 0)
    #expect(count(".PHONY: a\na:\n\t@x\n") == 1)
    #expect(count("a: ## Does it\n") == 1)
    #expect(count(".PHONY: a2\na2: ## `make help` does not know digits\n") == 1)
  }

  @Test func `executables that are more than wiring`() {
    func count(_ folder: String, _ lines: Int) -> Int {
      Self.count(
        .compositionRoots,
        [
          "Package.swift": """
          let targets = [
            .executableTarget(
              name: "x", dependencies: ["Low"], path: "\(folder)",
              resources: [.embedInCode("a.sql")]),
            library("Low", at: "\(folder)/Low"), service("y", at: "Services/Y/Main", ["Low"]),
          ]

          """,
          "\(folder)/A.swift": String(repeating: "a\n", count: lines),
          "\(folder)/Low/B.swift": String(repeating: "a\n", count: 300), "Services/Y/Main/A.swift": "a\n",
        ])
    }
    #expect(count("Services/X/Main", 150) == 0)
    #expect(count("Services/X/Main", 151) == 1)
    #expect(count("Services/X", 10) == 1)
    #expect(count("Tests/X", 1000) == 0)
  }

  @Test(arguments: [
    "struct FlightDeck {}", "final class CatalogKeeper {}", "enum HandedStep {}", "// A bell rings.",
    "/// Who is told.", "// Take another course.",
  ])
  func `metaphors`(_ source: String) { #expect(Self.count(.words, ["Shared/X/A.swift": source + "\n"]) > 0) }

  @Test(arguments: [
    "struct SingleFlight {}", "enum StopReason {}", "// Of course.", "let told = 1", "let a = \"told\"",
    "// The lock is held.", "struct Bookmark {}",
  ])
  func `terms of the field`(_ source: String) { #expect(Self.count(.words, ["Shared/X/A.swift": source + "\n"]) == 0) }

  @Test func `metaphors in names of files and in documents`() {
    #expect(Self.count(.words, ["Shared/X/HealthBook.swift": "\n"]) == 1)
    #expect(Self.count(.words, ["docs/a.md": "The pilot is told.\n", "CHANGELOG.md": "told\n"]) == 2)
  }
}
