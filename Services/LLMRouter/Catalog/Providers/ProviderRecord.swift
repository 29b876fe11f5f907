package import Settings

/// A provider as it was declared, in the configuration or by the API.
package struct ProviderRecord: Sendable {
  package var name: String
  package var kind: ProviderKind
  package var baseURL: String
  package var keys: [KeySource]
  /// A key of the configuration, which may be given there in place of a source.
  package var configuredKey: Secret?
  package var priority = 0
  package var weight = 1
  /// Times that differ from those of the settings.
  package var times = ProviderTimes.Own()
  package var isEnabled = true

  /// A provider.
  package init(
    name: String, kind: ProviderKind, baseURL: String, keys: [KeySource] = [], configuredKey: Secret? = nil,
    priority: Int = 0, weight: Int = 1, times: ProviderTimes.Own = ProviderTimes.Own(), isEnabled: Bool = true
  ) {
    self.name = name
    self.kind = kind
    self.baseURL = baseURL
    self.keys = keys
    self.configuredKey = configuredKey
    self.priority = priority
    self.weight = weight
    self.times = times
    self.isEnabled = isEnabled
  }
}
