internal import HTTPWire

/// Where the discovery document of an issuer may lead, by the address that the document came from.
///
/// Who serves it from the public internet leads nowhere else: else whoever controls an identity provider could have
/// this gateway ask its neighbours. An issuer inside may have its other hosts inside, too.
struct IssuerReach: Sendable, Hashable {
  private let host: String
  private let answered: AddressRules.Kind

  /// `host` is the issuer's, `answered` what the address is that the document came from.
  init(host: String, answered: AddressRules.Kind) {
    self.host = host.lowercased()
    self.answered = answered
  }

  /// Those of the addresses of a host that may be connected to. The issuer's own host is asked where it is as it was;
  /// of another host, one address that must not be reached is enough to refuse all: which is taken would be chance.
  func allowed(_ addresses: [WebAddress], of host: String) -> [WebAddress] {
    let kinds = addresses.map { AddressRules.kind(of: $0) }
    func isAllowed(_ kind: AddressRules.Kind) -> Bool {
      kind == .isPublic || (kind == .isPrivate && answered == .isPrivate)
    }
    if host.lowercased() == self.host {
      return zip(addresses, kinds).filter { isAllowed($1) || $1 == answered }.map(\.0)
    }
    return kinds.allSatisfy(isAllowed) ? addresses : []
  }
}
