import Contracts
import Primitives
import Testing

/// Texts that differ a little from good ones, from fixed seeds.
@Suite struct AssertionMutationTests {
  private struct Seeded: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return bits ^ (bits >> 31)
    }
  }

  private static let alphabet = Array("ABCxyz019-_.=v \u{0}\u{7F}".utf8)

  private func mutated(_ text: [UInt8], _ random: inout Seeded) -> [UInt8] {
    var text = text
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0..<max(1, text.count), using: &random)
      let byte = AssertionMutationTests.alphabet.randomElement(using: &random) ?? 0
      switch Int.random(in: 0..<5, using: &random) {
      case 0 where !text.isEmpty: text[place] = byte
      case 1 where !text.isEmpty: text.remove(at: place)
      case 2: text.insert(byte, at: min(place, text.count))
      case 3 where !text.isEmpty: text.removeLast(min(text.count, Int.random(in: 1...20, using: &random)))
      default:
        if !text.isEmpty { text[place] ^= 1 << UInt8.random(in: 0..<7, using: &random) }
      }
    }
    return text
  }

  @Test func `no change of a text is believed`() throws {
    let verifier = try Samples.router()
    let good = [
      Samples.sign(Samples.assertion(), try Samples.gatewayKeys()),
      Samples.sign(Samples.assertion(Samples.worker()), try Samples.stepKeys()),
    ]
    var random = Seeded(state: 7)
    var refused = 0
    for number in 0..<20_000 {
      let original = good[number % good.count]
      let text = String(decoding: mutated(Array(original.utf8), &random), as: UTF8.self)
      guard text != original else { continue }
      #expect(throws: AssertionError.self, "\(text)") { try verifier.verify(text, now: Samples.now) }
      refused += 1
    }
    #expect(refused > 19_000)
  }

  @Test func `whatever claims are signed, those that are read have one text`() throws {
    let verifier = try Samples.router()
    var random = Seeded(state: 11)
    var believed = 0
    for _ in 0..<20_000 {
      let claims = String(decoding: mutated(Array(Samples.claims.utf8), &random), as: UTF8.self)
      let text = Samples.forge(claims)
      guard let assertion = try? verifier.verify(text, now: Samples.now) else { continue }
      believed += 1
      #expect(Samples.sign(assertion, try Samples.gatewayKeys()) == text, "\(claims)")
    }
    // A changed principal, for example, is still well formed.
    #expect(believed > 0)
  }
}
