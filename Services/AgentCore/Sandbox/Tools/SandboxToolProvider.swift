package import AgentTools
package import AgentWorkspace
package import Contracts

/// The tools that run code: the built-in ones, and those that users have uploaded.
package struct SandboxToolProvider: ToolProvider {
  private let runner: any CodeRunning
  private let artefacts: any ArtefactStoring
  private let registry: any RegistryReading
  private let pythonKind: WorkerKind

  /// Makes a provider. `usesNativePython`: `run_python` runs the system's python3 in the jail.
  package init(
    runner: any CodeRunning, artefacts: any ArtefactStoring, registry: any RegistryReading, usesNativePython: Bool
  ) {
    self.runner = runner
    self.artefacts = artefacts
    self.registry = registry
    pythonKind = usesNativePython ? .nativePython : .python
  }

  /// Makes a provider of a sandbox.
  package init(_ sandbox: Sandbox, artefacts: any ArtefactStoring, registry: any RegistryReading) {
    self.init(
      runner: sandbox, artefacts: artefacts, registry: registry, usesNativePython: sandbox.runsNativePython)
  }

  /// The tools of a step's tenant.
  package func tools(for context: ToolContext) async throws -> [(ToolDefinition, any ToolExecutor)] {
    try await tools(for: context, wanted: ["*"])
  }

  package func tools(for context: ToolContext, wanted: [String]?) async throws -> [(ToolDefinition, any ToolExecutor)] {
    var tools: [(ToolDefinition, any ToolExecutor)] = []
    let programs: [(String, SandboxToolExecutor.Program)] = [
      ("run_python", .code(pythonKind)), ("run_javascript", .code(.javascript)), ("run_wasm", .moduleArtefact),
    ]
    for (name, program) in programs {
      guard let definition = BuiltInTools.named(name) else { continue }
      tools.append((definition, executor(program, definition)))
    }
    guard ToolSelection.reachesBeyondBuiltIns(wanted) else { return tools }
    let known = try await registry.registered(for: WorkspaceStep(context))?.tools ?? []
    for tool in known where tool.definition.source == .user {
      tools.append((tool.definition, executor(.userTool(tool, registry), tool.definition)))
    }
    return tools
  }

  private func executor(_ program: SandboxToolExecutor.Program, _ definition: ToolDefinition) -> SandboxToolExecutor {
    SandboxToolExecutor(program, definition: definition, runner: runner, artefacts: artefacts)
  }
}
