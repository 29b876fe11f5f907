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

func library(
  _ name: String, at path: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []
) -> Target {
  .target(name: name, dependencies: dependencies, path: path, resources: resources, swiftSettings: settings)
}

func service(_ name: String, at path: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
  .executableTarget(name: name, dependencies: dependencies, path: path, exclude: exclude, swiftSettings: settings)
}

func tests(_ subject: String, _ dependencies: [Target.Dependency] = [], exclude: [String] = []) -> Target {
  .testTarget(
    name: "\(subject)Tests", dependencies: dependencies, path: "Tests/\(subject)Tests", exclude: exclude,
    swiftSettings: settings)
}

func systemLibrary(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(name: name, path: "Shared/CLibraries/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

var targets: [Target] = [
  // C libraries of the system.
  systemLibrary("CLibPQ", pkgConfig: "libpq", package: "libpq-dev"),
  // No pkg-config here: hiredis names a flag that the package manager refuses.
  .systemLibrary(name: "CHiredis", path: "Shared/CLibraries/CHiredis", providers: [.apt(["libhiredis-dev"])]),
  systemLibrary("CCurl", pkgConfig: "libcurl", package: "libcurl4-openssl-dev"),
  systemLibrary("COpenSSL", pkgConfig: "libcrypto", package: "libssl-dev"),
  systemLibrary("CTLS", pkgConfig: "libssl", package: "libssl-dev"),
  systemLibrary("CZlib", pkgConfig: "zlib", package: "zlib1g-dev"),
  systemLibrary("CZstd", pkgConfig: "libzstd", package: "libzstd-dev"),
  systemLibrary("CYAML", pkgConfig: "yaml-0.1", package: "libyaml-dev"),

  .systemLibrary(name: "CLinux", path: "Shared/CLibraries/CLinux"),

  // Shared modules, lowest first.
  // Values and algorithms, without clocks and randomness: what decides may import it.
  // The civil calendar, the one place where days are counted.
  shared("Calendar"),
  shared("Primitives", ["Calendar"]),
  // Time, randomness and fresh ids. Modules that decide list it nowhere among what they stand on.
  shared("SystemSources", ["CLinux", "Primitives"]),
  shared("Reactor", ["Primitives", "SystemSources", "CLinux"]),
  // Child processes.
  shared("Process", ["CLinux", "SystemSources"]),
  shared("JSON"),
  // JSON Schema, draft 2020-12, without references to other documents.
  shared("JSONSchema", ["Calendar", "JSON"]),
  // The messages of the Model Context Protocol, for clients and servers.
  shared("MCP", ["JSON", "Primitives"]),
  shared("Telemetry", ["Primitives", "SystemSources"]),
  shared("HTTPWire", ["Primitives"]),
  shared("ContentCoding", ["CZlib", "CZstd"]),
  shared("Settings", ["CYAML"]),
  shared("Crypto", ["COpenSSL", "Primitives"]),
  // Signed tokens of others: JWS and JWT.
  shared("Tokens", ["Crypto", "JSON", "Primitives"]),
  // Rego v1, in process.
  // Compiled file by file: as one, the optimiser specialises the evaluator's closures for a quarter of an hour.
  .target(
    name: "Policy", dependencies: ["Calendar", "Crypto", "JSON", "JSONSchema", "Primitives"], path: "Shared/Policy",
    swiftSettings: settings + [.unsafeFlags(["-no-whole-module-optimization"], .when(configuration: .release))]),
  shared("Contracts", ["Primitives", "Crypto", "HTTPWire", "JSON"]),
  shared(
    "HTTP",
    [
      "Calendar", "Contracts", "Primitives", "SystemSources", "Reactor", "JSON", "Telemetry", "HTTPWire",
      "ContentCoding", "Crypto", "CCurl",
    ]),
  shared("Postgres", ["Primitives", "Settings", "SystemSources", "Reactor", "Telemetry", "CLibPQ"]),
  // The client's side of TLS, without sockets.
  shared("TLS", ["CTLS"]),
  shared(
    "Redis",
    ["Crypto", "HTTPWire", "Primitives", "Settings", "SystemSources", "Reactor", "Telemetry", "TLS", "CHiredis"]),

  shared(
    "ServiceKit",
    [
      "Primitives", "SystemSources", "Reactor", "JSON", "Telemetry", "HTTPWire", "HTTP", "Settings", "Contracts",
      "Crypto", "CLinux",
    ]),

  // Decisions of policies: bundles, modes, cache, log; in process or by an OPA server.
  shared(
    "PolicyDecisions",
    [
      "Policy", "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "Settings",
      "SystemSources", "Telemetry",
    ]),

  // What the APIs of services have in common.
  shared("APIKit", ["Contracts", "HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "Reactor", "ServiceKit"]),

  // What a service does with all that it has of a tenant.
  shared(
    "Tenancy",
    [
      "APIKit", "Contracts", "HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "Reactor", "Redis", "ServiceKit",
      "Telemetry",
    ]),

  // What the gateway says about policies at run time, as the services behind it keep it.
  shared(
    "PolicyState",
    [
      "APIKit", "Contracts", "HTTP", "HTTPWire", "JSON", "Policy", "PolicyDecisions", "Postgres", "Primitives",
      "Reactor", "ServiceKit", "Settings", "SystemSources", "Telemetry", "Tenancy",
    ]),

  // Services: pure parts and shells.
  library("Decider", at: "Services/Orchestrator/Decider", ["Contracts"]),
  library(
    "Workflows", at: "Services/Orchestrator/Workflows", ["Decider", "Contracts", "Crypto", "JSON", "Primitives"]),
  library("Cron", at: "Services/Orchestrator/Cron", ["Calendar"]),
  library(
    "History", at: "Services/Orchestrator/History",
    ["Decider", "Workflows", "Contracts", "Crypto", "JSON", "Primitives"]),
  library(
    "RunStorage", at: "Services/Orchestrator/Storage",
    [
      "SystemSources", "Decider", "Workflows", "History", "Cron", "Contracts", "Crypto", "JSON", "Postgres",
      "Primitives",
    ],
    resources: [
      .embedInCode("Migrations/0001_runs.sql"), .embedInCode("Migrations/0002_workflows.sql"),
      .embedInCode("Migrations/0003_histories.sql"), .embedInCode("Migrations/0004_claims.sql"),
      .embedInCode("Migrations/0005_lists.sql"), .embedInCode("Migrations/0006_deleted_workflows.sql"),
      .embedInCode("Migrations/0007_asks.sql"), .embedInCode("Migrations/0008_workspace.sql"),
      .embedInCode("Migrations/0009_tenancy.sql"), .embedInCode("Migrations/0010_policies.sql"),
    ]),
  // What agents work with: files of runs, memories of projects, tools and MCP servers of tenants.
  library(
    "Artefacts", at: "Services/Orchestrator/Artefacts",
    ["Contracts", "Crypto", "JSON", "Postgres", "Primitives", "Reactor", "SystemSources", "Telemetry"]),
  library(
    "Memories", at: "Services/Orchestrator/Memories",
    ["Artefacts", "Contracts", "JSON", "Postgres", "Primitives", "SystemSources"]),
  library(
    "ToolRegistry", at: "Services/Orchestrator/ToolRegistry",
    [
      "Artefacts", "Contracts", "Crypto", "HTTPWire", "JSON", "JSONSchema", "Postgres", "Primitives", "Settings",
      "SystemSources",
    ]),
  library(
    "StepDispatch", at: "Services/Orchestrator/Dispatch",
    ["SystemSources", "RunStorage", "Decider", "Contracts", "Crypto", "Primitives", "Reactor", "Telemetry"]),
  library(
    "RunEngine", at: "Services/Orchestrator/Engine",
    [
      "Artefacts", "SystemSources", "StepDispatch", "RunStorage", "History", "Workflows", "Decider", "Contracts",
      "JSON", "Postgres", "Primitives", "Reactor", "Telemetry",
    ]),
  library(
    "Schedules", at: "Services/Orchestrator/Schedules",
    ["RunEngine", "RunStorage", "Cron", "Decider", "Contracts", "JSON", "Primitives", "Reactor", "Telemetry"]),
  library(
    "OrchestratorAPI", at: "Services/Orchestrator/API",
    [
      "APIKit", "Tenancy", "Artefacts", "Memories", "ToolRegistry",
      "SystemSources", "Schedules", "RunEngine", "StepDispatch", "RunStorage", "History", "Workflows", "Cron",
      "Decider", "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON", "Policy", "PolicyDecisions", "PolicyState",
      "Postgres", "Primitives", "Reactor", "ServiceKit", "Telemetry",
    ]),
  library(
    "OrchestratorConfiguration", at: "Services/Orchestrator/Configuration",
    [
      "Artefacts", "Contracts", "Memories", "OrchestratorAPI", "PolicyDecisions", "Postgres", "RunEngine", "ServiceKit",
      "Settings", "Telemetry", "ToolRegistry",
    ]),
  service(
    "orchestrator", at: "Services/Orchestrator/Main",
    [
      "Artefacts", "Contracts", "OrchestratorConfiguration", "PolicyDecisions", "PolicyState",
      "OrchestratorAPI", "Schedules", "RunEngine", "RunStorage", "HTTP", "Postgres", "ServiceKit", "Settings",
      "Telemetry", "Tenancy",
    ]),

  library("Pricing", at: "Services/LLMRouter/Pricing", ["JSON", "Primitives"]),
  library("Budgets", at: "Services/LLMRouter/Budgets", ["Calendar", "Primitives"]),
  library("Routing", at: "Services/LLMRouter/Routing", ["Calendar", "JSON", "Pricing"]),
  library("Dialects", at: "Services/LLMRouter/Dialects", ["Crypto", "HTTPWire", "JSON", "Pricing", "Primitives"]),
  library("Checks", at: "Services/LLMRouter/Checks", ["JSON", "JSONSchema"]),
  .target(
    name: "RouterSchema", dependencies: ["Postgres", "Telemetry"], path: "Services/LLMRouter/Schema",
    resources: [
      .embedInCode("Migrations/0001_models.sql"), .embedInCode("Migrations/0002_attempts.sql"),
      .embedInCode("Migrations/0003_routing.sql"), .embedInCode("Migrations/0004_usage.sql"),
      .embedInCode("Migrations/0005_tenancy.sql"), .embedInCode("Migrations/0006_policies.sql"),
    ], swiftSettings: settings),
  library(
    "Ledger", at: "Services/LLMRouter/Ledger",
    ["SystemSources", "Budgets", "Contracts", "Dialects", "Postgres", "Pricing", "Primitives", "Reactor", "Telemetry"]),
  library(
    "Spending", at: "Services/LLMRouter/Spending",
    ["SystemSources", "Budgets", "Contracts", "Ledger", "Postgres", "Primitives", "Reactor", "Redis", "Telemetry"]),
  library(
    "AnswerCache", at: "Services/LLMRouter/Cache",
    ["Contracts", "Crypto", "Dialects", "JSON", "Pricing", "Primitives", "Reactor", "Redis", "Telemetry"]),
  .target(
    name: "ModelCatalog",
    dependencies: [
      "SystemSources",
      "Budgets", "Checks", "Contracts", "Crypto", "Dialects", "HTTP", "HTTPWire", "JSON", "Postgres", "Pricing",
      "Primitives", "Reactor", "Routing", "Settings", "Spending", "Telemetry",
    ],
    path: "Services/LLMRouter/Catalog", resources: [.embedInCode("prices.csv")], swiftSettings: settings),
  library(
    "ModelCalls", at: "Services/LLMRouter/Calls",
    [
      "SystemSources",
      "AnswerCache", "Budgets", "Checks", "Contracts", "Dialects", "HTTP", "HTTPWire", "JSON", "Ledger",
      "ModelCatalog", "Policy", "PolicyDecisions", "Pricing", "Primitives", "Reactor", "Routing", "ServiceKit",
      "Spending", "Telemetry",
    ]),
  library(
    "RouterAPI", at: "Services/LLMRouter/API",
    [
      "APIKit", "PolicyState", "Redis", "RouterSchema", "Tenancy", "SystemSources",
      "Budgets", "Checks", "Contracts", "Dialects", "HTTP", "HTTPWire", "JSON", "Ledger", "ModelCalls",
      "ModelCatalog", "Postgres", "Pricing", "Primitives", "Routing", "ServiceKit", "Settings", "Spending",
      "Telemetry",
    ]),
  library(
    "RouterConfiguration", at: "Services/LLMRouter/Configuration",
    [
      "AnswerCache", "Contracts", "ModelCalls", "ModelCatalog", "PolicyDecisions", "Postgres", "Pricing", "Primitives",
      "Redis", "Routing", "ServiceKit", "Settings", "SystemSources",
    ]),
  service(
    "llm-router", at: "Services/LLMRouter/Main",
    [
      "RouterConfiguration", "Contracts", "SystemSources", "PolicyState",
      "AnswerCache", "HTTP", "Ledger", "ModelCalls", "ModelCatalog", "PolicyDecisions", "Postgres", "Pricing",
      "Primitives", "Reactor", "Redis", "RouterAPI", "RouterSchema", "Routing", "ServiceKit", "Settings", "Spending",
      "Telemetry",
    ]),
  // What a request of the gateway passes: the values and the order, without what stands behind.
  library(
    "GatewayRequests", at: "Services/Gateway/Requests", ["Contracts", "HTTP", "HTTPWire", "Reactor", "Telemetry"]),
  library(
    "GatewayAccess", at: "Services/Gateway/Access",
    ["Contracts", "GatewayRequests", "HTTP", "HTTPWire", "Policy", "PolicyDecisions", "Telemetry"]),
  library(
    "GatewayIdentity", at: "Services/Gateway/Identity",
    ["Contracts", "Crypto", "GatewayRequests", "HTTP", "HTTPWire", "Primitives", "Settings", "Telemetry"]),
  // How much may be asked: limits, load, addresses of clients.
  library(
    "GatewayTraffic", at: "Services/Gateway/Traffic",
    [
      "Contracts", "Crypto", "GatewayRequests", "HTTP", "HTTPWire", "Primitives", "Reactor", "Redis", "Settings",
      "SystemSources", "Telemetry",
    ]),
  // Answers of requests with an Idempotency-Key.
  library(
    "GatewayAnswers", at: "Services/Gateway/Answers",
    [
      "Contracts", "Crypto", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "Reactor",
      "SystemSources", "Telemetry",
    ]),
  // The database schema of the gateway.
  library(
    "GatewaySchema", at: "Services/Gateway/Schema", ["Postgres", "Telemetry"],
    resources: [
      .embedInCode("Migrations/0001_accounts.sql"), .embedInCode("Migrations/0002_answers.sql"),
      .embedInCode("Migrations/0003_audit.sql"), .embedInCode("Migrations/0004_policy.sql"),
      .embedInCode("Migrations/0005_policy_epoch.sql"), .embedInCode("Migrations/0006_tenancy.sql"),
    ]),
  // Switches of the policies and what tenants have set for them, stored and seen by every gateway.
  library(
    "GatewayPolicyControl", at: "Services/Gateway/PolicyControl",
    [
      "APIKit", "Contracts", "GatewayAccess", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Policy",
      "PolicyDecisions", "Postgres", "Primitives", "Reactor", "SystemSources", "Telemetry", "Tenancy",
    ]),
  // Tenants, users, service accounts, keys and invitations.
  library(
    "GatewayAccounts", at: "Services/Gateway/Accounts",
    [
      "APIKit", "Contracts", "Crypto", "GatewayRequests", "GatewaySchema", "HTTP", "HTTPWire", "JSON", "Postgres",
      "Primitives", "Reactor", "Settings", "SystemSources", "Telemetry", "Tenancy",
    ]),
  // The hash chain of the audit log, pure: for the gateway that writes it and for those who verify an export.
  library("AuditChain", at: "Services/Gateway/AuditChain", ["Contracts", "Crypto", "JSON", "Primitives"]),
  library(
    "GatewayAudit", at: "Services/Gateway/Audit",
    [
      "APIKit", "AuditChain", "Contracts", "Crypto", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Postgres",
      "Primitives", "Reactor", "Settings", "SystemSources", "Telemetry",
    ]),
  // Signing in of browsers, signed tokens, identity providers.
  library(
    "GatewaySignIn", at: "Services/Gateway/SignIn",
    [
      "Contracts", "Crypto", "GatewayAccounts", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor",
      "Redis", "Settings", "SystemSources", "Telemetry", "Tokens",
    ]),
  library(
    "GatewayForwarding", at: "Services/Gateway/Forwarding",
    [
      "Contracts", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "ServiceKit",
      "SystemSources", "Telemetry",
    ]),
  library(
    "GatewayMCP", at: "Services/Gateway/MCP",
    [
      "Contracts", "GatewayForwarding", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "JSONSchema", "MCP",
      "Primitives", "Reactor", "Settings", "SystemSources", "Telemetry",
    ]),
  // Live events of runs for many readers.
  library(
    "GatewayEvents", at: "Services/Gateway/Events",
    [
      "Contracts", "GatewayForwarding", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor",
      "SystemSources", "Telemetry",
    ]),
  // The description of the API: OpenAPI, the reference page, which query items there are.
  library(
    "GatewayOpenAPI", at: "Services/Gateway/OpenAPI",
    ["Contracts", "Crypto", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Primitives"]),
  // All of it, put together.
  library(
    "GatewayComposition", at: "Services/Gateway/Composition",
    [
      "Contracts", "Crypto", "GatewayAccess", "GatewayAccounts", "GatewayAnswers", "GatewayAudit", "GatewayEvents",
      "GatewayForwarding", "GatewayIdentity", "GatewayMCP", "GatewayOpenAPI", "GatewayPolicyControl", "GatewayRequests",
      "GatewaySchema", "GatewaySignIn", "GatewayTraffic", "HTTP", "HTTPWire", "JSON", "PolicyDecisions", "Postgres",
      "Primitives", "Reactor", "Redis", "ServiceKit", "Settings", "SystemSources", "Telemetry", "Tenancy",
    ]),
  service(
    "gateway", at: "Services/Gateway/Main",
    ["GatewayComposition", "GatewayForwarding", "GatewayMCP", "HTTP", "HTTPWire", "ServiceKit", "Settings"]),
  // What the orchestrator keeps for the agents of a run: seen by those who use it, without what reaches it.
  library("AgentWorkspace", at: "Services/AgentCore/Workspace", ["Contracts", "Primitives"]),
  library(
    "AgentTools", at: "Services/AgentCore/Tools",
    ["Contracts", "Crypto", "HTTPWire", "JSON", "JSONSchema", "Primitives"]),
  // Where tool calls are made: the runner, the built-in tools, their clients.
  library(
    "AgentToolCalls", at: "Services/AgentCore/ToolCalls",
    [
      "AgentTools", "AgentWorkspace", "ContentCoding", "Contracts", "HTTP", "HTTPWire", "JSON", "Policy",
      "PolicyDecisions", "Primitives", "Reactor", "Settings", "SystemSources", "Telemetry",
    ]),
  library(
    "AgentMCP", at: "Services/AgentCore/MCP",
    [
      "AgentSandbox", "AgentToolCalls", "AgentTools", "AgentWorkspace", "CLinux", "Contracts", "Crypto", "HTTP",
      "HTTPWire", "JSON",
      "JSONSchema", "MCP", "Primitives", "Process", "Reactor", "SandboxProtocol", "Settings", "SystemSources",
      "Telemetry",
    ]),
  library(
    "AgentLoop", at: "Services/AgentCore/Loop", ["Contracts", "Crypto", "JSON", "JSONSchema", "Primitives"]),
  // The sandbox: messages of its processes.
  library("SandboxProtocol", at: "Services/Sandbox/Protocol", ["JSON"]),
  // The engine is loaded by the worker's process when it runs; nothing links it.
  .target(name: "CSandboxEngine", path: "Services/Sandbox/Engine"),
  library("SandboxWorker", at: "Services/Sandbox/Worker", ["CSandboxEngine", "JSON", "SandboxProtocol"]),
  service("sandbox-worker", at: "Services/Sandbox/Main", ["SandboxWorker"]),
  // Becomes the worker by exec. Static: it needs nothing of the file system, and starts at once.
  .executableTarget(
    name: "sandbox-jail", path: "Services/Sandbox/Jail/Main", linkerSettings: [.unsafeFlags(["-static-executable"])]),
  library(
    "AgentSandbox", at: "Services/AgentCore/Sandbox",
    [
      "AgentTools", "AgentWorkspace", "CLinux", "Contracts", "Crypto", "JSON", "Primitives", "Process", "Reactor",
      "SandboxProtocol", "Settings", "SystemSources", "Telemetry",
    ]),
  library(
    "AgentWorker", at: "Services/AgentCore/Worker",
    [
      "AgentLoop", "AgentTools", "AgentWorkspace", "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON", "Policy",
      "PolicyDecisions", "Primitives", "SystemSources", "Reactor", "ServiceKit", "Settings", "Telemetry",
    ]),
  service(
    "agent-core", at: "Services/AgentCore/Main",
    [
      "AgentSandbox", "AgentLoop", "AgentMCP", "AgentToolCalls", "AgentTools", "AgentWorker", "HTTP", "HTTPWire",
      "PolicyDecisions", "Primitives", "SystemSources", "Reactor", "ServiceKit",
      "Settings", "Telemetry",
    ]),
  library(
    "ScriptedProvider", at: "Services/MockProvider/Scripts",
    ["SystemSources", "Contracts", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "Settings", "Telemetry"]),
  service(
    "mock-provider", at: "Services/MockProvider/Main",
    ["HTTP", "ScriptedProvider", "ServiceKit", "Settings", "Telemetry"]),

  library(
    "LocalStack", at: "Services/Cadre/LocalStack",
    ["CCurl", "CLinux", "Crypto", "JSON", "Primitives", "Process", "SystemSources"]),
  // What an operator asks of an installation, local or remote: doctor, status and logs.
  library(
    "CadreOperations", at: "Services/Cadre/Operations",
    [
      "CLinux", "Contracts", "Crypto", "GatewaySchema", "JSON", "LocalStack", "Postgres", "Primitives", "Process",
      "Reactor", "Redis", "RouterSchema", "RunStorage", "SystemSources", "TLS", "Telemetry",
    ]),
  // Tests, coverage and replays of policies.
  library("PolicyTools", at: "Services/Cadre/Policies", ["JSON", "LocalStack", "Policy"]),
  library(
    "CadreCommands", at: "Services/Cadre/Commands",
    [
      "AuditChain", "CLinux", "CadreOperations", "Contracts", "Decider", "HTTPWire", "JSON", "LocalStack", "Policy",
      "PolicyTools", "Primitives", "Process", "History", "ServiceKit", "SystemSources", "Workflows",
    ]),
  service("cadre", at: "Services/Cadre/Main", ["CadreCommands"]),

  service(
    "bench-server", at: "Tests/Benchmarks/BenchServer",
    ["HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "SystemSources", "Reactor", "Redis", "Telemetry"]),

  service(
    "bench-worker", at: "Tests/Benchmarks/BenchWorker",
    [
      "SystemSources", "Contracts", "Decider", "HTTP", "HTTPWire", "JSON", "Primitives", "Reactor", "History",
      "ServiceKit", "Telemetry",
    ]),

  // Runs in the jail instead of the worker and tries to get out.
  .executableTarget(
    name: "sandbox-probe", path: "Tests/Support/SandboxProbe",
    linkerSettings: [.unsafeFlags(["-static-executable"])]),
  service(
    "bench-sandbox", at: "Tests/Benchmarks/BenchSandbox",
    ["AgentSandbox", "Process", "SandboxProtocol", "SystemSources", "Telemetry"]),

  service("bench-policy", at: "Tests/Benchmarks/BenchPolicy", ["JSON", "Policy", "PolicyTools", "SystemSources"]),

  // Test kits.
  library("ReactorTestKit", at: "Tests/Support/ReactorTestKit", ["Reactor"]),
  library("HTTPTestKit", at: "Tests/Support/HTTPTestKit", ["HTTP"]),
  library("RedisTestKit", at: "Tests/Support/RedisTestKit", ["LocalStack", "Reactor"]),
  library("PostgresTestKit", at: "Tests/Support/PostgresTestKit", ["LocalStack", "Postgres"]),
  library("TokensTestKit", at: "Tests/Support/TokensTestKit"),

  // Tests, one folder per module.
  tests("Tidy", ["Contracts", "HTTPWire"]),
  tests("APIKit", ["APIKit", "Contracts", "HTTP", "HTTPWire", "JSON", "Postgres", "Primitives", "Reactor"]),
  tests("Crypto", ["Crypto", "Primitives"]),
  tests(
    "GatewayAudit",
    [
      "AuditChain", "Contracts", "Crypto", "GatewayAudit", "GatewayRequests", "GatewaySchema", "HTTP", "HTTPWire",
      "JSON", "Postgres", "PostgresTestKit", "Primitives", "Reactor", "SystemSources", "Telemetry",
    ]),
  tests("Tokens", ["Tokens", "TokensTestKit", "Crypto", "JSON", "Primitives"]),
  tests("AuditChain", ["AuditChain", "Contracts", "JSON", "Primitives"]),
  tests("Policy", ["Policy", "JSON"], exclude: ["Cases"]),
  tests("PolicyTools", ["Contracts", "HTTPWire", "JSON", "LocalStack", "Policy", "PolicyTools"]),
  tests(
    "PolicyDecisions",
    [
      "PolicyDecisions", "Policy", "Contracts", "HTTP", "JSON", "Primitives", "Reactor", "ReactorTestKit", "Settings",
      "Telemetry",
    ]),
  tests(
    "PolicyState",
    [
      "Contracts", "JSON", "LocalStack", "PolicyDecisions", "PolicyState", "Policy", "Postgres", "PostgresTestKit",
      "Primitives", "Reactor", "RouterSchema", "RunStorage", "SystemSources", "Telemetry", "Tenancy",
    ]),
  tests("Contracts", ["Contracts", "Crypto", "HTTPWire", "JSON", "Primitives", "SystemSources"]),
  tests(
    "EndToEnd",
    [
      "AgentWorker", "AgentWorkspace", "LocalStack", "Process", "Contracts", "HTTP", "HTTPWire", "JSON", "Primitives",
      "Reactor", "ServiceKit", "SystemSources", "Telemetry",
    ]),
  tests("Process", ["Process"]),
  tests("LocalStack", ["LocalStack"]),
  tests("CadreCommands", ["CadreCommands"]),
  tests("CadreOperations", ["CadreOperations", "JSON", "LocalStack", "Postgres"]),
  tests("Decider", ["Decider", "Contracts", "History"]),
  tests("Deploy"),
  tests("Workflows", ["Workflows", "Decider", "Contracts", "JSON"]),
  tests("Cron", ["Cron"]),
  tests("Pricing", ["Pricing", "JSON", "Primitives"]),
  tests("Budgets", ["Budgets"]),
  tests("Routing", ["Routing", "Pricing"]),
  tests("Checks", ["Checks", "JSON"]),
  tests(
    "RouterAPI",
    [
      "RouterAPI", "ModelCalls", "ModelCatalog", "AnswerCache", "Contracts", "Dialects", "HTTP", "HTTPTestKit",
      "HTTPWire", "JSON", "Ledger", "Policy", "PolicyDecisions", "Postgres", "Pricing", "Primitives", "Reactor",
      "Redis", "Routing",
      "ScriptedProvider", "ServiceKit", "Settings", "Spending", "SystemSources", "Telemetry",
    ]),
  tests(
    "Ledger",
    ["SystemSources", "Ledger", "Budgets", "Contracts", "Dialects", "Postgres", "Pricing", "Primitives", "Telemetry"]),
  tests(
    "Spending",
    [
      "SystemSources", "Spending", "Budgets", "Postgres", "Primitives", "Reactor", "Redis", "RedisTestKit", "Telemetry",
    ]),
  tests("AnswerCache", ["AnswerCache", "Contracts", "Dialects", "JSON", "Pricing", "Primitives"]),
  tests("ScriptedProvider", ["ScriptedProvider", "JSON"]),
  tests(
    "ModelCatalog",
    [
      "SystemSources", "ModelCatalog", "Budgets", "Contracts", "JSON", "Pricing", "Primitives", "Routing", "Settings",
      "Telemetry",
    ]),
  tests(
    "ModelCalls",
    [
      "SystemSources", "ModelCalls", "AnswerCache", "Contracts", "Dialects", "HTTP", "HTTPTestKit", "HTTPWire", "JSON",
      "Primitives", "Reactor",
    ]),
  tests(
    "AgentSandbox",
    [
      "AgentSandbox", "AgentTools", "AgentWorkspace", "Contracts", "JSON", "Primitives", "Process", "SandboxProtocol",
      "Settings", "SystemSources", "Telemetry",
    ], exclude: ["Support/fake_worker.py"]),
  tests("SandboxProtocol", ["SandboxProtocol"]),
  tests("SandboxWorker", ["CLinux", "JSON", "SandboxProtocol", "SandboxWorker"], exclude: ["Guests"]),
  // Hostile code against the real engine and jail.
  tests(
    "Sandbox",
    [
      "sandbox-jail", "sandbox-worker", "AgentSandbox", "Contracts", "JSON", "Primitives", "Process", "SandboxProtocol",
      "SystemSources", "Telemetry",
    ]),
  tests("AgentTools", ["AgentTools", "Contracts", "HTTPWire", "JSON", "Primitives"]),
  tests(
    "AgentToolCalls",
    [
      "AgentToolCalls", "AgentTools", "AgentWorkspace", "Contracts", "HTTP", "HTTPWire", "JSON", "Policy",
      "PolicyDecisions", "Primitives", "Reactor", "ReactorTestKit", "Settings", "SystemSources", "Telemetry",
    ]),
  tests("AgentLoop", ["AgentLoop", "Contracts", "Crypto", "JSON", "Primitives"]),
  tests(
    "ServiceKit",
    [
      "ServiceKit", "Contracts", "HTTP", "HTTPWire", "Primitives", "Reactor", "ReactorTestKit", "Settings", "Telemetry",
    ]),
  tests(
    "AgentWorker",
    [
      "AgentWorker", "AgentLoop", "AgentTools", "AgentWorkspace", "Contracts", "HTTP", "HTTPWire", "JSON",
      "PolicyDecisions", "Primitives", "Reactor", "Telemetry",
    ]),
  tests("Dialects", ["Dialects", "HTTPWire", "JSON", "Pricing"]),
  tests(
    "RunStorage",
    ["RunStorage", "Contracts", "Decider", "Postgres", "PostgresTestKit", "Primitives", "Reactor", "Telemetry"]),
  tests("History", ["History", "Workflows", "Decider", "Contracts", "JSON"], exclude: ["Bundles"]),
  // The stores of files, memories and tools on one private cluster.
  tests(
    "Artefacts",
    [
      "Artefacts", "Contracts", "JSON", "Memories", "Postgres", "PostgresTestKit", "Primitives", "Reactor",
      "RunStorage", "SystemSources", "Telemetry", "ToolRegistry",
    ]),
  tests("ToolRegistry", ["ToolRegistry", "Contracts", "Crypto", "JSON", "Primitives", "Settings"]),
  tests("StepDispatch", ["StepDispatch", "RunStorage", "Decider", "Contracts", "Primitives", "Reactor", "Telemetry"]),
  tests(
    "RunEngine",
    [
      "RunEngine", "StepDispatch", "RunStorage", "Workflows", "Decider", "Contracts", "JSON", "Postgres", "Primitives",
      "Reactor", "Telemetry",
    ]),
  tests("Schedules", ["Schedules", "RunStorage", "Contracts", "Primitives"]),
  tests(
    "OrchestratorAPI",
    ["OrchestratorAPI", "Decider", "Contracts", "HTTP", "HTTPWire", "JSON", "ServiceKit", "Settings"]),
  tests("Primitives", ["Primitives"]),
  tests("Calendar", ["Calendar"]),
  tests("JSONSchema", ["JSONSchema", "JSON"]),
  tests("MCP", ["MCP", "JSON", "JSONSchema"], exclude: ["Fixtures"]),
  tests(
    "AgentMCP",
    [
      "AgentMCP", "AgentSandbox", "AgentToolCalls", "AgentTools", "AgentWorkspace", "Contracts", "HTTP", "HTTPWire",
      "JSON", "LocalStack", "MCP", "Primitives", "Process", "Reactor", "Settings", "SystemSources", "Telemetry",
      "sandbox-jail",
    ], exclude: ["servers"]),
  tests("SystemSources", ["SystemSources", "Primitives"]),
  tests("Reactor", ["Reactor", "Primitives", "ReactorTestKit"]),
  tests("JSON", ["JSON"]),
  tests("Telemetry", ["Telemetry", "Primitives"]),
  tests("HTTPWire", ["HTTPWire"]),
  tests(
    "GatewayAccess",
    ["GatewayAccess", "GatewayRequests", "Contracts", "HTTPWire", "JSON", "Policy", "PolicyDecisions", "Telemetry"]),
  tests(
    "GatewayPolicyControl",
    [
      "Contracts", "GatewayAccess", "GatewayPolicyControl", "GatewayRequests", "GatewaySchema", "HTTP", "HTTPWire",
      "JSON", "LocalStack", "Policy", "PolicyDecisions", "Postgres", "PostgresTestKit", "Primitives", "Reactor",
      "SystemSources", "Telemetry",
    ]),
  tests(
    "GatewayForwarding",
    [
      "GatewayForwarding", "GatewayIdentity", "GatewayRequests", "Contracts", "HTTP", "HTTPWire", "JSON", "Reactor",
      "ReactorTestKit", "ServiceKit", "Settings", "Telemetry",
    ]),
  tests(
    "GatewayEvents",
    [
      "Contracts", "GatewayEvents", "GatewayForwarding", "GatewayRequests", "HTTP", "HTTPWire", "JSON", "Primitives",
      "Reactor", "ReactorTestKit", "ServiceKit", "Telemetry",
    ]),
  tests(
    "GatewayOpenAPI", ["GatewayOpenAPI", "Contracts", "HTTP", "HTTPWire", "JSON", "JSONSchema"]),
  tests(
    "GatewayMCP",
    [
      "GatewayForwarding", "GatewayIdentity", "GatewayMCP", "GatewayRequests", "Contracts", "HTTP", "HTTPWire", "JSON",
      "JSONSchema", "MCP", "Primitives", "Reactor", "ReactorTestKit", "ServiceKit", "Settings", "Telemetry",
    ]),
  tests(
    "GatewayTraffic",
    [
      "GatewayTraffic", "GatewayRequests", "Contracts", "HTTP", "HTTPWire", "Primitives", "Reactor", "Redis",
      "RedisTestKit", "Settings", "SystemSources", "Telemetry",
    ]),
  tests(
    "GatewayAnswers",
    [
      "GatewayAnswers", "GatewayRequests", "GatewaySchema", "Contracts", "HTTP", "HTTPWire", "JSON", "Postgres",
      "PostgresTestKit", "Primitives", "Reactor", "SystemSources", "Telemetry",
    ]),
  tests(
    "GatewayAccounts",
    [
      "Contracts", "GatewayAccounts", "GatewayIdentity", "GatewayRequests", "HTTP", "HTTPWire", "JSON",
      "Postgres", "PostgresTestKit", "Primitives", "Reactor", "Settings", "SystemSources", "Telemetry", "Tenancy",
    ]),
  tests(
    "GatewaySignIn",
    [
      "GatewayAccounts", "GatewayRequests", "GatewaySignIn", "Contracts", "Crypto", "HTTP", "HTTPWire", "JSON",
      "LocalStack", "Primitives", "Reactor", "Redis", "RedisTestKit", "Settings", "SystemSources", "Telemetry",
      "Tokens", "TokensTestKit",
    ], exclude: ["hostile_provider.py"]),
  tests("ContentCoding", ["ContentCoding", "CZlib", "CZstd"]),
  tests("Settings", ["Settings"]),
  tests("HTTP", ["Contracts", "HTTP", "HTTPWire", "Reactor", "JSON", "Telemetry", "Primitives", "ReactorTestKit"]),
  tests(
    "Postgres",
    [
      "Budgets", "Contracts", "Dialects", "Ledger", "LocalStack", "ModelCatalog", "Postgres", "PostgresTestKit",
      "Pricing", "Primitives", "Reactor", "RouterSchema", "Routing", "Spending", "SystemSources", "Telemetry",
    ]),
  // The schemas of the services, on one private cluster: who sees which rows, and what is left of a tenant.
  tests(
    "Tenancy",
    [
      "Contracts", "GatewayAccounts", "GatewaySchema", "LocalStack", "OrchestratorAPI", "Postgres", "PostgresTestKit",
      "Primitives", "Reactor", "RouterAPI", "RouterSchema", "RunStorage", "SystemSources", "Telemetry", "Tenancy",
    ]),
  tests("Redis", ["Redis", "Reactor", "TLS", "Telemetry", "Primitives", "ReactorTestKit", "RedisTestKit"]),
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
