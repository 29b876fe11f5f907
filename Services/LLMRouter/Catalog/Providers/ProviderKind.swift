package import Dialects

/// The interface of a provider. The raw values are part of the API.
package enum ProviderKind: String, Sendable, CaseIterable {
  case openai
  case anthropic
  case gemini
  case ollama
  case vllm
  /// Anything else with OpenAI's chat completions.
  case compatible

  /// Where it is by default; Gemini by its OpenAI-compatible interface.
  package var baseURL: String? {
    switch self {
    case .openai: "https://api.openai.com/v1"
    case .anthropic: "https://api.anthropic.com/v1"
    case .gemini: "https://generativelanguage.googleapis.com/v1beta/openai"
    case .ollama: "http://127.0.0.1:11434/v1"
    case .vllm, .compatible: nil
    }
  }

  /// In which dialect a call of `dialect` goes there; nil when it cannot.
  package func wire(for dialect: Dialect) -> Dialect? {
    switch (self, dialect) {
    case (.anthropic, .embeddings): nil
    case (.anthropic, _): .messages
    case (_, .embeddings): .embeddings
    case (.openai, .responses): .responses
    // OpenAI has it for models that are gone; of others it is not known.
    case (.vllm, .completions), (.ollama, .completions): .completions
    default: .chat
    }
  }

  /// What providers of the kind take.
  package var rules: ProviderRules {
    switch self {
    case .openai: .openai
    case .anthropic: .anthropic
    case .gemini: .gemini
    case .ollama: .ollama
    case .vllm: .vllm
    case .compatible: .compatible
    }
  }

  /// The value of `gen_ai.provider.name` (OpenTelemetry).
  package var conventionName: String {
    switch self {
    case .openai: "openai"
    case .anthropic: "anthropic"
    case .gemini: "gcp.gemini"
    case .ollama: "ollama"
    case .vllm: "vllm"
    case .compatible: "openai"
    }
  }
}

extension Dialect {
  /// The path below a provider's base URL.
  package var path: String {
    switch self {
    case .chat: "/chat/completions"
    case .responses: "/responses"
    case .completions: "/completions"
    case .embeddings: "/embeddings"
    case .messages: "/messages"
    }
  }
}
