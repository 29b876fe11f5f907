// swift-tools-version: 6.2
// The target dependencies below are the architecture: a module may import only what its line names
// (`make lint` builds with `--explicit-target-dependency-import-check error`), and every arrow points up the list.
import PackageDescription

/// One set of rules for every target.
let settings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

func shared(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Shared/\(name)", swiftSettings: settings)
}

func library(_ name: String, at path: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: path, swiftSettings: settings)
}

func service(
  _ name: String, at path: String, _ dependencies: [Target.Dependency], exclude: [String] = []
) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

func tests(_ subject: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: "\(subject)Tests", dependencies: dependencies, path: "Tests/\(subject)Tests", exclude: exclude,
    swiftSettings: settings)
}

func systemLibrary(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(
    name: name, path: "Shared/CLibraries/\(name)", pkgConfig: pkgConfig,
    providers: [.apt([package])])
}

var targets: [Target] = [
  // C libraries of the system.
  systemLibrary("CLibPQ", pkgConfig: "libpq", package: "libpq-dev"),
  // No pkg-config here: hiredis names a flag that the package manager refuses.
  .systemLibrary(name: "CHiredis", path: "Shared/CLibraries/CHiredis", providers: [.apt(["libhiredis-dev"])]),
  systemLibrary("CCurl", pkgConfig: "libcurl", package: "libcurl4-openssl-dev"),
  systemLibrary("COpenSSL", pkgConfig: "libcrypto", package: "libssl-dev"),
  systemLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
  systemLibrary("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
  systemLibrary("CYAML", pkgConfig: "yaml-0.1", package: "libyaml-dev"),

  .systemLibrary(name: "CLinux", path: "Shared/CLibraries/CLinux"),

  // Shared modules, lowest first.
  shared("Primitives", ["CLinux"]),
  shared("Reactor", ["Primitives", "CLinux"]),
  shared("JSON"),
  shared("Telemetry", ["Primitives"]),
  shared("HTTPWire"),
  shared("ContentCoding", ["CZlib", "CZstd"]),
  shared("Settings", ["CYAML"]),
  shared("Crypto", ["COpenSSL"]),
  shared("Contracts", ["Primitives"]),
  shared("HTTP", ["Primitives", "Reactor", "JSON", "Telemetry", "HTTPWire", "ContentCoding", "Crypto", "CCurl"]),
  shared("Postgres", ["Primitives", "Reactor", "Telemetry", "CLibPQ"]),
  shared("Redis", ["Primitives", "Reactor", "Telemetry", "HTTPWire", "CHiredis"]),

  shared(
    "ServiceKit",
    [
      "Primitives", "Reactor", "JSON", "Telemetry", "HTTPWire", "HTTP", "Settings", "Contracts", "Crypto", "CLinux",
    ]),

  // Services: pure parts and shells.
  library("Decider", at: "Services/Orchestrator/Decider", ["Contracts"]),
  library(
    "Workflows", at: "Services/Orchestrator/Workflows", ["Decider", "Contracts", "Crypto", "JSON", "Primitives"]),
  library("Cron", at: "Services/Orchestrator/Cron"),
  library(
    "Replay", at: "Services/Orchestrator/Replay", ["Decider", "Workflows", "Contracts", "Crypto", "JSON", "Primitives"]),
  .executableTarget(
    name: "orchestrator",
    dependencies: [
      "Decider", "Workflows", "Replay", "Cron", "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON", "Postgres",
      "Primitives", "Reactor", "ServiceKit",
      "Settings", "Telemetry",
    ],
    path: "Services/Orchestrator", exclude: ["Decider", "Workflows", "Replay", "Cron"],
    resources: [
      .embedInCode("Store/Migrations/0001_runs.sql"), .embedInCode("Store/Migrations/0002_workflows.sql"),
      .embedInCode("Store/Migrations/0003_histories.sql"), .embedInCode("Store/Migrations/0004_claims.sql"),
      .embedInCode("Store/Migrations/0005_lists.sql"),
      .embedInCode("Store/Migrations/0006_deleted_workflows.sql"),
    ], swiftSettings: settings),

  library("Pricing", at: "Services/LLMRouter/Pricing", ["JSON", "Primitives"]),
  library("Budgets", at: "Services/LLMRouter/Budgets", ["Primitives"]),
  library("Routing", at: "Services/LLMRouter/Routing", ["JSON", "Pricing"]),
  library("Dialects", at: "Services/LLMRouter/Dialects", ["Crypto", "HTTPWire", "JSON", "Pricing", "Primitives"]),
  library("Checks", at: "Services/LLMRouter/Checks", ["JSON"]),
  .target(
    name: "RouterSchema", dependencies: ["Postgres"], path: "Services/LLMRouter/Schema",
    resources: [
      .embedInCode("Migrations/0001_models.sql"), .embedInCode("Migrations/0002_attempts.sql"),
      .embedInCode("Migrations/0003_routing.sql"), .embedInCode("Migrations/0004_usage.sql"),
    ], swiftSettings: settings),
  library(
    "Ledger", at: "Services/LLMRouter/Ledger",
    ["Budgets", "Contracts", "Dialects", "Postgres", "Pricing", "Primitives", "Reactor", "Telemetry"]),
  library(
    "Spending", at: "Services/LLMRouter/Spending",
    ["Budgets", "Contracts", "Ledger", "Postgres", "Primitives", "Reactor", "Redis", "Telemetry"]),
  library(
    "AnswerCache", at: "Services/LLMRouter/Cache",
    ["Contracts", "Crypto", "Dialects", "JSON", "Pricing", "Primitives", "Reactor", "Redis", "Telemetry"]),
  .target(
    name: "ModelCatalog",
    dependencies: [
      "Budgets", "Checks", "Contracts", "Crypto", "Dialects", "HTTP", "HTTPWire", "JSON", "Postgres", "Pricing",
      "Primitives", "Reactor", "Routing", "Settings", "Spending", "Telemetry",
    ],
    path: "Services/LLMRouter/Catalog", resources: [.embedInCode("prices.csv")], swiftSettings: settings),
  library(
    "ModelCalls", at: "Services/LLMRouter/Calls",
    [
      "AnswerCache", "Budgets", "Checks", "Contracts", "Dialects", "HTTP", "HTTPWire", "JSON", "Ledger",
      "ModelCatalog", "Pricing", "Primitives", "Reactor", "Routing", "ServiceKit", "Spending", "Telemetry",
    ]),
  library(
    "RouterAPI", at: "Services/LLMRouter/API",
    [
      "Budgets", "Checks", "Contracts", "Dialects", "HTTP", "HTTPWire", "JSON", "Ledger", "ModelCalls",
      "ModelCatalog", "Postgres", "Pricing", "Primitives", "Routing", "ServiceKit", "Settings", "Spending",
      "Telemetry",
    ]),
  service(
    "llm-router", at: "Services/LLMRouter/Main",
    [
      "AnswerCache", "HTTP", "Ledger", "ModelCalls", "ModelCatalog", "Postgres", "Pricing", "Primitives", "Reactor",
      "Redis", "RouterAPI", "RouterSchema", "Routing", "ServiceKit", "Settings", "Spending", "Telemetry",
    ]),
  library("PublicAPI", at: "Services/Gateway/PublicAPI", ["HTTPWire", "JSON"]),
  .executableTarget(
    name: "gateway",
    dependencies: [
      "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON", "Primitives", "PublicAPI", "Reactor", "ServiceKit", "Settings",
    ],
    path: "Services/Gateway", exclude: ["PublicAPI"], swiftSettings: settings),
  library("AgentLoop", at: "Services/AgentCore/Loop", ["Contracts", "Crypto", "JSON", "Primitives"]),
  library(
    "AgentWorker", at: "Services/AgentCore/Worker",
    ["AgentLoop", "Contracts", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "ServiceKit", "Telemetry"]),
  service(
    "agent-core", at: "Services/AgentCore",
    ["AgentWorker", "HTTP", "HTTPWire", "Primitives", "Reactor", "ServiceKit", "Settings", "Telemetry"],
    exclude: ["Loop", "Worker"]),
  library(
    "ScriptedProvider", at: "Services/MockProvider/Scripts",
    ["HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "Settings", "Telemetry"]),
  service(
    "mock-provider", at: "Services/MockProvider/Main",
    ["HTTP", "ScriptedProvider", "ServiceKit", "Settings", "Telemetry"]),

  library("LocalStack", at: "Services/Cadre/LocalStack", ["CLinux", "Crypto", "Primitives"]),
  service(
    "cadre", at: "Services/Cadre/Command",
    ["CLinux", "Decider", "JSON", "LocalStack", "Primitives", "Replay", "Workflows"]),

  service(
    "bench-server", at: "Tests/Benchmarks/BenchServer",
    ["HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "Reactor", "Redis", "Telemetry"]),

  service(
    "bench-worker", at: "Tests/Benchmarks/BenchWorker",
    ["Contracts", "Decider", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "Replay", "Telemetry"]),

  // Tests, one folder per module.
  tests("Tidy"),
  tests("Crypto", ["Crypto", "Primitives"]),
  tests("Contracts", ["Contracts", "Primitives"]),
  tests("EndToEnd", ["LocalStack", "JSON"]),
  tests("LocalStack", ["LocalStack"]),
  tests("Decider", ["Decider", "Contracts", "Replay"]),
  tests("Workflows", ["Workflows", "Decider", "Contracts", "JSON"]),
  tests("Cron", ["Cron"]),
  tests("Pricing", ["Pricing", "JSON", "Primitives"]),
  tests("Budgets", ["Budgets"]),
  tests("Routing", ["Routing", "Pricing"]),
  tests("Checks", ["Checks", "JSON"]),
  tests(
    "Ledger",
    ["Ledger", "Budgets", "Contracts", "Dialects", "Postgres", "Pricing", "Primitives", "Telemetry"]),
  tests(
    "Spending", ["Spending", "Budgets", "Postgres", "Primitives", "Reactor", "Redis", "Telemetry"]),
  tests("AnswerCache", ["AnswerCache", "Contracts", "Dialects", "JSON", "Pricing", "Primitives"]),
  tests("ScriptedProvider", ["ScriptedProvider", "JSON"]),
  tests(
    "ModelCatalog",
    ["ModelCatalog", "Budgets", "Contracts", "JSON", "Pricing", "Primitives", "Routing", "Settings", "Telemetry"]),
  tests(
    "ModelCalls",
    [
      "ModelCalls", "AnswerCache", "Contracts", "Dialects", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor",
    ]),
  tests("AgentLoop", ["AgentLoop", "Contracts", "JSON"]),
  tests("AgentWorker", ["AgentWorker", "AgentLoop", "Contracts", "HTTP", "JSON", "Primitives", "Telemetry"]),
  tests("Dialects", ["Dialects", "HTTPWire", "JSON", "Pricing"]),
  tests("Replay", ["Replay", "Workflows", "Decider", "Contracts", "JSON"], exclude: ["Bundles"]),
  tests("Primitives", ["Primitives"]),
  tests("Reactor", ["Reactor", "Primitives"]),
  tests("JSON", ["JSON"]),
  tests("Telemetry", ["Telemetry", "Primitives"]),
  tests("HTTPWire", ["HTTPWire"]),
  tests("PublicAPI", ["PublicAPI", "HTTPWire", "JSON"]),
  tests("ContentCoding", ["ContentCoding", "CZlib", "CZstd"]),
  tests("Settings", ["Settings"]),
  tests("HTTP", ["HTTP", "HTTPWire", "Reactor", "JSON", "Telemetry", "Primitives"]),
  tests(
    "Postgres",
    [
      "LocalStack", "Budgets", "Contracts", "Dialects", "Ledger", "ModelCatalog", "Postgres", "Pricing", "Primitives",
      "Reactor", "RouterSchema", "Routing", "Spending", "Telemetry",
    ]),
  tests("Redis", ["Redis", "Reactor", "Telemetry", "Primitives"]),
]

// `CADRE_ONLY=JSON swift test` builds and tests the named modules and what they stand on, nothing else.
if let only = Context.environment["CADRE_ONLY"], !only.isEmpty {
  let byName = Dictionary(uniqueKeysWithValues: targets.map { ($0.name, $0) })
  var wanted: Set<String> = []
  func want(_ name: String) {
    guard let target = byName[name], wanted.insert(name).inserted else { return }
    for dependency in target.dependencies {
      if case .byNameItem(let child, _) = dependency { want(child) }
    }
  }
  for name in only.split(separator: ",").map(String.init) {
    want(name)
    want("\(name)Tests")
  }
  targets = targets.filter { wanted.contains($0.name) }
}

let package = Package(name: "Cadre", targets: targets)
