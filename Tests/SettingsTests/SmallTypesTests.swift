import Testing

@testable import Settings

@Suite struct SmallTypesTests {
  @Test(arguments: [
    ("", "", 0), ("a", "", 1), ("abc", "abc", 0), ("abc", "acb", 1), ("kitten", "sitting", 3), ("port", "prot", 1),
    ("ca", "abc", 3),
  ])
  func `edit distance counts edits and swaps`(_ left: String, _ right: String, _ expected: Int) {
    #expect(NearestName.distance(left, right) == expected)
    #expect(NearestName.distance(right, left) == expected)
  }

  @Test func `the nearest name is found only when it is near, the same one whatever the order`() {
    #expect(NearestName.nearest(to: "prt", among: ["port", "part", "host"]) == "part")
    #expect(NearestName.nearest(to: "prt", among: ["host", "part", "port"]) == "part")
    #expect(NearestName.nearest(to: "something", among: ["port"]) == nil)
    let long = String(repeating: "x", count: 1_000_000)
    #expect(NearestName.nearest(to: long, among: ["port"]) == nil)
  }

  @Test(arguments: [
    ("0", 0), ("65536", 65_536), ("64KiB", 65_536), ("64 KiB", 65_536), ("1MB", 1_000_000), ("2GiB", 2 << 30),
    ("5B", 5),
  ])
  func `sizes are read`(_ text: String, _ expected: Int) { #expect(ByteSize.parse(text) == expected) }

  @Test(arguments: ["", "KiB", "1kib", "-1", "1.5MiB", "1 K", "9223372036854775807TiB", "99999999999999999999", "٣"])
  func `malformed sizes are refused`(_ text: String) { #expect(ByteSize.parse(text) == nil) }

  @Test func `sizes are rendered so that they can be read again`() {
    for size in [0, 1, 1023, 1024, 1536, 1 << 20, 3 << 30, 1 << 40, 1000] {
      #expect(ByteSize.parse(ByteSize.render(size)) == size)
    }
    #expect(ByteSize.render(1 << 20) == "1MiB")
  }

  @Test func `an address is taken apart`() throws {
    let url = try #require(ServiceURL("HTTPS://user:pa%20ss@api.example.com:8443/v1/x?key=1"))
    #expect(url.scheme == "https" && url.host == "api.example.com" && url.port == 8443)
    #expect(url.target == "/v1/x?key=1" && url.userInformation == "user:pa%20ss")
    #expect(url.description == "https://[secret]@api.example.com:8443/v1/x?…")
    var dumped = ""
    dump(url, to: &dumped)
    #expect(!dumped.contains("pa%20ss") && !dumped.contains("key=1"))
    #expect(ServiceURL("http://[::1]:80")?.host == "::1")
    #expect(ServiceURL("http://h")?.port == nil)
    #expect(ServiceURL("unix:///run/x.sock")?.target == "/run/x.sock")
  }

  @Test(arguments: [
    "", "http", "http:", "http:/", "http://", "://h", "http://h:0", "http://h:65536", "http://h:", "http://h:8x",
    "http://h h", "http://h/#f", "http://[::1", "http://[::1]x", "http://[zz]", "http://a@b@c", "http://é", "http:///p",
    "1http://h", "http://h\n", "http://h:+80", "unix://h/x", "unix:///", "http://a:b:c", "http://h\\x", "http://[]",
  ])
  func `a malformed address is refused`(_ text: String) { #expect(ServiceURL(text) == nil) }

  @Test func `an address longer than the limit is refused`() {
    #expect(ServiceURL("http://h/" + String(repeating: "x", count: ServiceURL.bytesMaximum)) == nil)
  }
}
