public import Crypto

extension SecretSealer {
  /// Uses the keys of a setting (`id:secret`, separated by commas): the first seals, all open. An empty setting has no
  /// key. Throws `KeyListError`.
  public init(setting: String, named name: String) throws(KeyListError) {
    guard !setting.isEmpty else {
      self.init(keys: [])
      return
    }
    self.init(keys: try KeyList(setting, named: name).keys.map { ($0.id, $0.secret) })
  }
}
