import HTTP
import Reactor
import Settings
import Telemetry

@testable import ServiceKit

extension ServiceContext {
  /// What a service gets that a test starts: these settings, and the defaults of all others.
  static func forTests(_ group: EventLoopGroup, _ values: [String: String] = [:]) throws -> ServiceContext {
    let settings = try SettingsTable(CommonSettings.all + [CommonSettings.stallTimeout(.seconds(60))])
      .load(SettingsSources(overrides: values.map { SettingsOverride(key: $0.key, value: $0.value) }))
    return ServiceContext(
      name: "test", group: group, settings: settings, telemetry: .disabled(),
      client: HTTPClient(group: group, telemetry: .disabled()))
  }
}
