import HTTP
import Reactor
import Settings
import Telemetry

@testable import ServiceKit

extension ServiceContext {
  /// What a service gets that a test starts, with the defaults of all settings.
  static func forTests(_ group: EventLoopGroup) throws -> ServiceContext {
    let settings = try SettingsTable(CommonSettings.all + [CommonSettings.stallTimeout(.seconds(60))])
      .load(SettingsSources())
    return ServiceContext(
      name: "test", group: group, settings: settings, telemetry: .disabled(),
      client: HTTPClient(group: group, telemetry: .disabled()))
  }
}
