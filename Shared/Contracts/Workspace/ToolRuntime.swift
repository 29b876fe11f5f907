/// What carries out the source of a user's tool.
public enum ToolRuntime: String, Hashable, Sendable, CaseIterable {
  /// A WebAssembly module.
  case wasm
  /// A Python file.
  case python
  /// A JavaScript file.
  case javascript
}
