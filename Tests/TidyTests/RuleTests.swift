import Testing

/// Each rule fires on what it forbids and is silent on what it allows.
@Suite struct RuleTests {
  private static func count(_ rule: Rule, _ texts: [String: String]) -> Int { rule.check(Repository(texts)).count }

  private static func shared(_ rule: Rule, _ source: String) -> Int { count(rule, ["Shared/X/A.swift": source]) }

  @Test func `long files`() {
    let long = String(repeating: "a\n", count: 401)
    let rule = Rule.fileLength(exempt: [:])
    #expect(Self.count(rule, ["Shared/X/A.swift": long]) == 1)
    #expect(Self.count(rule, ["Shared/X/A.swift": String(long.dropLast(2))]) == 0)
    #expect(Self.count(rule, ["docs/a.md": long, "Tests/X/Fixtures/a.py": long]) == 0)
    let exempt = Rule.fileLength(exempt: ["Shared/X/A.swift": "a codec"])
    #expect(Self.count(exempt, ["Shared/X/A.swift": long]) == 0)
    #expect(Self.count(exempt, ["Shared/X/A.swift": String(repeating: "a\n", count: 701)]) == 1)
    #expect(Self.count(exempt, ["Shared/X/A.swift": "short\n"]) == 1, "a stale exemption")
    #expect(Self.count(exempt, [:]) == 1, "an exemption of a file that is gone")
  }

  @Test func `long lines`() {
    let long = String(repeating: "é", count: 121)
    #expect(Self.shared(.lineLength, "let a = 1 // \(long)\n") == 1)
    #expect(Self.shared(.lineLength, long.dropLast() + "\n") == 0)
    #expect(Self.shared(.lineLength, "let a = \"\(long)\"\n") == 0)
    #expect(Self.shared(.lineLength, "let a = \"\(long)\(long)\"\n") == 1)
    #expect(Self.shared(.lineLength, "// https://x.example/\(long)\n") == 0)
    #expect(Self.shared(.lineLength, "let a = \"\"\"\n  \(long)\n  \"\"\"\n") == 0)
  }

  @Test func `Foundation in a product`() {
    #expect(Self.shared(.noFoundation, "import Foundation\n") == 1)
    #expect(Self.shared(.noFoundation, "internal import FoundationEssentials\n") == 1)
    #expect(Self.shared(.noFoundation, "public import struct Foundation.Data\n") == 1)
    #expect(Self.shared(.noFoundation, "// import Foundation\nlet a = \"import Foundation\"\n") == 0)
    #expect(Self.count(.noFoundation, ["Tests/XTests/A.swift": "import Foundation\n"]) == 0)
  }

  @Test(arguments: [
    "try! f()", "a as! B", "a!.b", "f()!", "a[0]!", "var a: Int!", "\"\\(a!)\"", "a! = b", "a?.b!", "\"a\"!",
  ])
  func `forcing`(_ source: String) { #expect(Self.shared(.noForce, source) == 1) }

  @Test(arguments: ["a != b", "!a", "f(!a)", "#if !A", "// a!", "\"a!\"", "a!=b", "try? f()", "a as? B", "{ !$0 }"])
  func `not forcing`(_ source: String) { #expect(Self.shared(.noForce, source) == 0) }

  @Test func `unfinished work`() {
    for mark in ["TO" + "DO", "FIX" + "ME", "X" + "XX"] {
      #expect(Self.shared(.noUnfinishedWork, "// \(mark): later\n") == 1)
      #expect(Self.shared(.noUnfinishedWork, "fatalError(\"\(mark)\")\n") == 1)
      #expect(Self.shared(.noUnfinishedWork, "let a\(mark)b = 1\n") == 0)
    }
    #expect(Self.shared(.noUnfinishedWork, "\"/tmp/a-XXXXXX\"\n") == 0)
  }

  @Test func printing() {
    #expect(Self.shared(.noPrinting, "print(1)\n") == 1)
    #expect(Self.shared(.noPrinting, "{ debugPrint(1); dump(2) }\n") == 2)
    #expect(Self.shared(.noPrinting, "case print(String)\nfunc dump()\na.print(1)\nfootprint(1)\n// print(1)\n") == 0)
    #expect(Self.count(.noPrinting, ["Services/Cadre/Main.swift": "print(1)\n"]) == 0)
    #expect(Self.count(.noPrinting, ["Services/CadreX/Main.swift": "print(1)\n"]) == 1)
  }

  @Test func `own time`() {
    #expect(Self.shared(.noOwnTime, "usleep(1)\nsleep(1)\nclock_gettime(a, b)\nDate()\nTask.sleep(1)\n") == 5)
    #expect(Self.shared(.noOwnTime, "Glibc.sleep(1)\n") == 1)
    #expect(
      Self.shared(.noOwnTime, "clock.sleep(1)\nfunc sleep(x)\ntry await sleep(x)\nDate(x)\nasleep(1)\n\"sleep(1)\"\n")
        == 0)
    #expect(Self.count(.noOwnTime, ["Shared/Reactor/A.swift": "usleep(1)\n"]) == 0)
  }

  @Test func `assertions about the time`() {
    func breaches(_ source: String, _ path: String = "Tests/XTests/A.swift") -> Int {
      Self.count(.noClockAssertions, [path: source])
    }
    #expect(breaches("let clock = ContinuousClock()\n") == 1)
    #expect(breaches("#expect(Date() < limit)\n") == 1)
    #expect(breaches("let a = try #require(b, \"\\(c)\")\n#expect(\n  MonotonicClock.now() - start < 5)\n") == 1)
    #expect(breaches("#expect(start.timeIntervalSince(end) < 5)\n#expect(elapsed < 5)\n") == 2)
    #expect(breaches("while Date() < limit { #expect(isThere(\"Date()\")) }\n#expect(a)  // Date()\n") == 0)
    #expect(breaches("#expect(Date() < limit)\n", "Tests/SystemSourcesTests/A.swift") == 0)
    #expect(breaches("#expect(Date() < limit)\n", "Shared/X/A.swift") == 0)
  }

  @Test func `unproven concurrency`() {
    let claim = "final class A: @unchecked Sendable {}\n"
    #expect(Self.shared(.noUnprovenConcurrency, claim) == 1)
    #expect(Self.shared(.noUnprovenConcurrency, "// Safe: immutable.\n" + claim) == 0)
    #expect(Self.shared(.noUnprovenConcurrency, "final class A: @unchecked Sendable {}  // Safe: immutable.\n") == 0)
    #expect(Self.shared(.noUnprovenConcurrency, "// Far away.\n\n" + claim) == 1)
    #expect(Self.shared(.noUnprovenConcurrency, "nonisolated(unsafe) var a = 1\n") == 1)
  }

  @Test func `a global queue`() {
    #expect(Self.shared(.noGlobalQueue, "DispatchQueue.global().async {}\n") == 1)
    #expect(Self.shared(.noGlobalQueue, "// DispatchQueue.global()\n") == 0)
  }

  @Test(arguments: [
    "precondition(a)\n", "f(); fatalError(\"no\")\n", "guard let a else { preconditionFailure() }\n",
    "assert(a > 0)\n", "a.unsafelyUnwrapped\n",
  ])
  func `traps without a proof`(_ source: String) {
    #expect(Self.shared(.noUnprovenTraps, source) == 1)
    #expect(Self.shared(.noUnprovenTraps, "// Only a wrong call of ours reaches it.\n" + source) == 0)
  }

  @Test func `names that are no traps`() {
    #expect(Self.shared(.noUnprovenTraps, "Problem(.preconditionFailed)\nloop.preconditionCurrent()\n") == 0)
  }

  @Test(arguments: ["Int64(a.rounded())", "Int(Double(a) * 1.5)", "UInt8(pow(a, 2))"])
  func `conversions that trap`(_ source: String) {
    #expect(Self.shared(.noTrappingConversion, source + "\n") == 1)
  }

  @Test(arguments: ["Int(exactly: a.rounded())", "Int(a)", "Int(clamping: b)", "Double(Int(a))"])
  func `conversions that do not`(_ source: String) {
    #expect(Self.shared(.noTrappingConversion, source + "\n") == 0)
  }

  @Test func `empty names`() {
    #expect(Self.count(.noEmptyNames, ["Shared/X/StringUtils.swift": "\n"]) == 1)
    #expect(Self.count(.noEmptyNames, ["Tests/XTests/A+Helpers.swift": "\n"]) == 1)
    #expect(Self.shared(.noEmptyNames, "public final class RunManager {}\n") == 1)
    #expect(Self.shared(.noEmptyNames, "  private enum Helper<T> {}\n") == 1)
    #expect(Self.shared(.noEmptyNames, "// class RunManager\nlet a = \"class RunManager\"\nclass func helper()\n") == 0)
    #expect(Self.shared(.noEmptyNames, "struct ManagerialView {}\n") == 0)
  }

  @Test func `several public types`() {
    let body = String(repeating: "  let a = 1\n", count: 70)
    let large = "public struct A {\n\(body)}\n"
    let second = "public final class B {\n\(body)}\n"
    #expect(Self.shared(.publicTypes, large + second) == 1)
    #expect(Self.shared(.publicTypes, large + "public enum B {\n  case a\n}\n") == 0)
    #expect(Self.shared(.publicTypes, large + "struct B {\n\(body)}\n") == 0)
    #expect(Self.shared(.publicTypes, String(repeating: "public struct A {}\n", count: 13)) == 1)
    #expect(Self.count(.publicTypes, ["Services/X/A.swift": large + second]) == 0)
  }

  private static let manifest = """
    func shared(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
      .target(name: name, path: "Shared/\\(name)")
    }
    let targets = [
      systemLibrary("CYAML", pkgConfig: "yaml"),
      shared("Low"),
      shared(
        "High",
        [
          "Low", "CYAML",  // a comment with a ) in it
        ]),
      library("Pure", at: "Services/X/Pure", ["Low"]),
      service("X", at: "Services/X", ["High"]),
      tests("High", ["High"]),
    ]

    """

  @Test func `the manifest is read`() {
    let manifest = Manifest(SourceFile(path: "Package.swift", bytes: Array(Self.manifest.utf8)))
    #expect(manifest.systemLibraries == ["CYAML"])
    #expect(manifest.modules.map(\.name).sorted() == ["High", "HighTests", "Low", "Pure", "X"])
    #expect(manifest.module(of: "Shared/High/A.swift")?.dependencies == ["Low", "CYAML"])
    #expect(manifest.module(of: "Services/X/Pure/A.swift")?.name == "Pure")
    #expect(manifest.module(of: "Services/X/A.swift")?.name == "X")
    #expect(manifest.module(of: "Shared/Higher/A.swift") == nil)
  }

  @Test func `imports that the manifest does not list`() {
    func count(_ path: String, _ source: String) -> Int {
      Self.count(.imports, ["Package.swift": Self.manifest, path: source])
    }
    #expect(count("Shared/High/A.swift", "public import Low\ninternal import Glibc\nimport CYAML\n") == 0)
    #expect(count("Shared/Low/A.swift", "import High\n") == 1)
    #expect(count("Shared/Low/A.swift", "@preconcurrency internal import CYAML\n") == 1)
    #expect(count("Services/X/Pure/A.swift", "import High\n") == 1)
    #expect(count("Services/X/A.swift", "import struct Low.A\n") == 1)
    #expect(count("Tests/HighTests/A.swift", "import Testing\nimport Foundation\n@testable import High\n") == 0)
    #expect(count("Tests/HighTests/A.swift", "@testable import Low\n") == 1)
    #expect(count("Shared/Low/A.swift", "import Testing\n") == 1)
  }

  @Test func `a decider that can act`() {
    let path = "Services/Orchestrator/Decider/A.swift"
    #expect(Self.count(.decider, [path: "internal import Glibc\n"]) == 1)
    #expect(Self.count(.decider, [path: "import Contracts\nimport JSON\nimport Primitives\n"]) == 0)
  }

  @Test func `misnumbered migrations`() {
    func count(_ names: String...) -> Int {
      Self.count(
        .migrations, Dictionary(uniqueKeysWithValues: names.map { ("Services/X/Migrations/\($0)", "select 1;\n") }))
    }
    #expect(count("0001_runs.sql", "0002_steps.sql", "0003_a1.sql") == 0)
    #expect(count("0001_runs.sql", "0003_steps.sql", "0004_more.sql") == 1)
    #expect(count("0001_runs.sql", "0001_steps.sql") == 1)
    #expect(count("0002_runs.sql") == 1)
    #expect(count("1_runs.sql") == 1)
    #expect(count("0001_Runs.sql") == 1)
    #expect(count("0001-runs.sql") == 1)
  }

  @Test func `dead links`() {
    func count(_ text: String) -> Int {
      Self.count(.links, ["docs/a.md": text, "docs/b/c.md": "x\n", "README.md": "x\n"])
    }
    #expect(count("[x](b/c.md) [y](../README.md#top) [z](b) [w](/README.md) [v](#here)\n") == 0)
    #expect(count("[x](https://a.example/b) [y](mailto:a@b)\n") == 0)
    #expect(count("[x](b/d.md) and [y](../../out.md)\n") == 2)
    #expect(count("`[x](gone.md)`\n```\n[x](gone.md)\n```\n![p](gone.png \"title\")\n") == 1)
  }

  @Test func `traces of the machine`() {
    for text in ["/wo" + "rk/main", "/ro" + "ot/x", "a sub" + "agent", "issue" + " #12"] {
      #expect(Self.count(.machinePaths, ["docs/a.md": "see \(text)\n"]) == 1, "\(text)")
    }
    #expect(Self.count(.machinePaths, ["docs/a.md": "work/ and an issue, network/route\n"]) == 0)
  }

  @Test func `stray white space`() {
    func count(_ text: String) -> Int { Self.count(.whiteSpace, ["docs/a.md": text]) }
    #expect(count("a\n\nb\n") == 0)
    #expect(count("") == 0)
    #expect(count("a \nb\t\nc\r\nd\n") == 3)
    #expect(count("a") == 1)
    #expect(count("a\n\n") == 1)
    #expect(count("\n") == 1)
    #expect(Self.count(.whiteSpace, ["Tests/X/Seeds/a.yaml": "a \n\n"]) == 0)
  }

  @Test func `test folders without a test`() {
    #expect(Self.count(.testFolders, ["Tests/XTests/A.swift": "// @Test\n"]) == 1)
    #expect(Self.count(.testFolders, ["Tests/XTests/A.swift": "@Test func a() {}\n", "Tests/Fuzz/A.swift": "\n"]) == 0)
  }
}
