import AgentTools
import HTTPWire
import Testing

@Suite struct FetchRulesTests {
  private static func patterns(_ texts: String...) throws -> [HostPattern] {
    try texts.map { try #require(HostPattern($0)) }
  }

  private static func message<Value>(_ result: Result<Value, FetchRefusal>) -> String? {
    switch result {
    case .success: nil
    case .failure(let refusal): refusal.message
    }
  }

  /// Every public name is allowed, so nothing is refused by the list alone.
  @Test(arguments: [
    // Forms of loopback that resolvers of systems take for addresses.
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./", "http://127.000.000.001/", "http://0/", "http://0.0.0.0/", "http://1.2.3.4.5/",
    "http://08.8.8.8/",
    "http://example.0x7f/", "http://foo.1/",
    // Addresses are named exactly or not at all.
    "http://127.0.0.1/", "http://8.8.8.8/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
    "http://[fe80::1%25lo]/", "http://[fe80::1%lo]/", "http://[::1", "http://[]/", "http://::1/", "http://[v1.x]/",
    // Names with other letters, and parts that readers take for something else.
    "http://１２７.0.0.1/", "http://ⓔxample.com/", "http://bücher.example/", "http://example.com。/",
    "http://exa%6dple.com/",
    "http://example.com%2f@x/", "http://user@example.com/", "http://user:pass@example.com/", "http://@example.com/",
    "http://example.com@127.0.0.1/", "http://127.0.0.1#@example.com/", "http://example.com\\@127.0.0.1/",
    "http:\\\\example.com/", "http:/example.com/", "http:example.com", "//example.com/", "example.com", "",
    // Other schemes.
    "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "dict://example.com/", "javascript:alert(1)",
    "data:text/plain,x", "ws://example.com/", "unix:///x", "jar:http://example.com/",
    // Ports.
    "http://example.com:22/", "http://example.com:6379/", "http://example.com:0/", "http://example.com:65536/",
    "http://example.com:+80/", "http://example.com:80:80/", "https://example.com:8443/",
    // Blanks, line ends, other control characters, names that are none.
    "http://example.com/ x", "http://example.com/\r\nX: y", "http://exam\tple.com/", " http://example.com/",
    "http://example.com/\u{0}", "http://-a.example/", "http://a-.example/", "http://a..b/", "http://.a/", "http:///x",
    "http://example.com../",
  ])
  func `addresses that are refused before anything is looked up`(_ url: String) throws {
    let rules = FetchRules(hosts: try Self.patterns("*"), privateHosts: try Self.patterns("*"))
    #expect(Self.message(rules.target(url)) != nil)
  }

  @Test func `long addresses and names are refused`() throws {
    let rules = FetchRules(hosts: try Self.patterns("*"))
    #expect(Self.message(rules.target("http://example.com/" + String(repeating: "a", count: 5000))) != nil)
    #expect(Self.message(rules.target("http://" + String(repeating: "a", count: 64) + ".com/")) != nil)
    #expect(Self.message(rules.target("http://" + String(repeating: "a.", count: 150) + "com/")) != nil)
  }

  @Test(arguments: [
    ("http://example.com/", true), ("https://EXAMPLE.com:443/a?b#c", true), ("http://example.com.:80/", true),
    ("http://www.example.com/", false), ("http://example.com.evil.net/", false), ("http://evilexample.com/", false),
    ("https://a.example.org/", true), ("https://a.b.example.org/", true), ("https://example.org/", false),
    ("https://aexample.org/", false), ("http://intranet:8080/", true), ("http://intranet/", false),
    ("http://10.1.2.3/", true), ("http://10.1.2.4/", false), ("http://[2001:4860:0::8]/", true),
    ("http://[::1]/", false),
    ("http://xn--bcher-kva.example/", false),
  ])
  func `hosts that the operator names`(_ url: String, _ isAllowed: Bool) throws {
    let rules = FetchRules(
      hosts: try Self.patterns("example.com", "*.example.org", "intranet:8080", "10.1.2.3", "[2001:4860::8]"))
    #expect((Self.message(rules.target(url)) == nil) == isAllowed)
  }

  @Test(arguments: [
    "", "*.", "*.*", "a b", "http://x", "x:0", "x:99999", "x:y", "1.2.3", "*.1", "[::1", "[x]", "é.com", "-x",
  ])
  func `what is no pattern`(_ text: String) { #expect(HostPattern(text) == nil) }

  @Test(arguments: [
    ("example.com", ["8.8.8.8"], true), ("example.com", ["8.8.8.8", "127.0.0.1"], false),
    ("example.com", ["::1"], false),
    ("example.com", ["10.0.0.1"], false), ("example.com", [], false), ("intranet", ["10.0.0.1"], true),
    ("intranet", ["127.0.0.1", "::1"], true), ("intranet", ["169.254.169.254"], false),
    ("intranet", ["10.0.0.1", "169.254.169.254"], false), ("intranet", ["::ffff:10.0.0.1"], false),
    ("intranet", ["0.0.0.0"], false), ("example.com", ["2001:4860:4860::8888", "8.8.4.4"], true),
    ("example.com", ["fd00:ec2::254"], false),
  ])
  func `all addresses of a name must be allowed`(_ host: String, _ addresses: [String], _ isAllowed: Bool) throws {
    let rules = FetchRules(hosts: try Self.patterns("*"), privateHosts: try Self.patterns("intranet"))
    let target = try rules.target("http://\(host)/").get()
    let refusal = Self.message(target.checked(try addresses.map { try #require(WebAddress($0)) }))
    #expect((refusal == nil) == isAllowed)
    // What a name leads to inside must not be learned from the refusal.
    for address in addresses { #expect(refusal?.contains(address) != true) }
  }

  @Test(arguments: [
    ("/b", "https://example.com/b"), ("c?d#e", "https://example.com/a/c?d"), ("../../c", "https://example.com/c"),
    ("?q", "https://example.com/a/b?q"), ("//example.com/x", "https://example.com/x"), ("./", "https://example.com/a/"),
    ("https://example.com:443/x", "https://example.com/x"), ("HTTPS://example.com", "https://example.com/"),
    ("", "https://example.com/a/b?c"),
  ])
  func `where redirects lead`(_ location: String, _ url: String) throws {
    let rules = FetchRules(hosts: try Self.patterns("example.com"))
    let base = try rules.target("https://example.com/a/b?c").get()
    #expect(try rules.redirect(from: base, to: location).get().url.description == url)
  }

  @Test(arguments: [
    "http://example.com/", "//evil.net/", "https://evil.net/", "https://127.0.0.1/", "ftp://example.com/",
    "///etc/passwd",
    "https://example.com:22/", "https://u@example.com/", "javascript:x", "\\\\evil.net/", "https:\\\\evil.net",
    "//2130706433/",
    "/a b", "/\u{1}",
  ])
  func `redirects that are not followed`(_ location: String) throws {
    let rules = FetchRules(hosts: try Self.patterns("example.com"))
    let base = try rules.target("https://example.com/a").get()
    #expect(Self.message(rules.redirect(from: base, to: location)) != nil)
  }
}
