internal import CCurl
internal import Glibc
internal import HTTPWire

/// The one address that a transfer may connect to. libcurl is given the address in the place of the name, and each
/// socket that it opens is checked once more against it.
///
/// Lives as long as its transfer, whose handle refers to it.
final class CurlPin {
  /// 4 or 16 bytes in network order.
  private let bytes: [UInt8]
  private let text: String
  private var connectTo: UnsafeMutablePointer<curl_slist>?

  /// Reads a numeric address; `nil` for anything else.
  init?(_ address: String) {
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, address, &v4) == 1 {
      bytes = withUnsafeBytes(of: v4) { Array($0) }
      text = address
    } else if inet_pton(AF_INET6, address, &v6) == 1 {
      bytes = withUnsafeBytes(of: v6) { Array($0) }
      text = "[\(address)]"
    } else {
      return nil
    }
  }

  deinit { curl_slist_free_all(connectTo) }

  func configure(_ easy: UnsafeMutableRawPointer, _ url: HTTPURL) {
    // Nothing of the environment and of earlier transfers counts: no proxy, no connection that is there already.
    cadre_curl_set_string(easy, CURLOPT_PROXY, "")
    cadre_curl_set_string(easy, CURLOPT_NOPROXY, "*")
    cadre_curl_set_long(easy, CURLOPT_FRESH_CONNECT, 1)
    cadre_curl_set_long(easy, CURLOPT_FORBID_REUSE, 1)
    cadre_curl_set_long(easy, CURLOPT_NETRC, Int(CURL_NETRC_IGNORED.rawValue))
    cadre_curl_set_long(easy, CURLOPT_FOLLOWLOCATION, 0)
    // An empty host means every one; unlike CURLOPT_RESOLVE this leaves nothing behind in a cache that others use.
    connectTo = curl_slist_append(nil, "::\(text):\(url.port)")
    cadre_curl_set_list(easy, CURLOPT_CONNECT_TO, connectTo)
    cadre_curl_set_open(
      easy,
      { context, _, address in
        guard let context, let address,
          Unmanaged<CurlPin>.fromOpaque(context).takeUnretainedValue().allows(address)
        else { return CURL_SOCKET_BAD }
        return socket(
          address.pointee.family, address.pointee.socktype | Int32(SOCK_CLOEXEC.rawValue), address.pointee.protocol)
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func allows(_ address: UnsafePointer<curl_sockaddr>) -> Bool {
    var found = [UInt8](repeating: 0, count: 16)
    let count = cadre_curl_address(address, &found)
    return count == bytes.count && found.prefix(Int(count)).elementsEqual(bytes)
  }
}
