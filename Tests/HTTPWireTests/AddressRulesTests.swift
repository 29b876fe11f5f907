import HTTPWire
import Testing

@Suite struct AddressRulesTests {
  @Test(arguments: [
    "8.8.8.8", "1.1.1.1", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "11.0.0.1",
    "192.167.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001::1",
    "2001:4860:4860::8888", "2003::1",
  ])
  func `public addresses`(_ text: String) throws {
    #expect(AddressRules.kind(of: try #require(WebAddress(text))) == .isPublic)
  }

  @Test(arguments: [
    "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.254", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "198.18.0.1", "198.19.255.255", "::1", "fc00::1", "fdff:ffff::1",
  ])
  func `private addresses`(_ text: String) throws {
    #expect(AddressRules.kind(of: try #require(WebAddress(text))) == .isPrivate)
  }

  @Test(arguments: [
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192",
    "192.0.2.1", "192.88.99.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::808:808", "64:ff9b:1::1", "fe80::1", "febf::1", "fec0::1", "ff02::1", "2001::1", "2001:db8::1",
    "2001:10::1", "2002:7f00:1::", "3fff::1", "5f00::1", "100::1", "fd00:ec2::254", "4000::1",
  ])
  func `addresses that are reached never`(_ text: String) throws {
    #expect(AddressRules.kind(of: try #require(WebAddress(text))) == .isForbidden)
  }

  @Test(arguments: [
    "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.0.0.01", "127.0.0.256", "127.0.0.",
    "127.0.0.1.", ".127.0.0.1", "127.0.0.1.1", "1.2.3.+4", "1.2.3.-4", "1.2.3. 4", "", "a.b.c.d", "::1%lo", "[::1]",
    ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "::g", ":1", "1:", "::1.2.3", "1.2.3.4::",
    "::ffff:127.0.0.01", "１２７.0.0.1", "::+1", "1:2:3:4:5:6:7::8:9",
  ])
  func `nothing but the strict forms is an address`(_ text: String) { #expect(WebAddress(text) == nil) }

  @Test func `forms of one address are one address`() throws {
    #expect(WebAddress("::ffff:1.2.3.4") == WebAddress("0:0:0:0:0:FFFF:102:304"))
    #expect(WebAddress("2001:DB8::1")?.description == "2001:db8:0:0:0:0:0:1")
    #expect(WebAddress(bytes: [127, 0, 0, 1]) == WebAddress("127.0.0.1"))
    #expect(WebAddress(bytes: [0x20, 0x01] + [UInt8](repeating: 0, count: 13) + [1]) == WebAddress("2001::1"))
    #expect(WebAddress(bytes: [1, 2, 3]) == nil)
    #expect(WebAddress("1.2.3.4")?.description == "1.2.3.4")
  }
}
