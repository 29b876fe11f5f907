import JSON
import Testing

@testable import JSONSchema

@Suite struct DecimalNumberTests {
  private func number(_ text: String) throws -> DecimalNumber {
    try #require(DecimalNumber(try JSONDocument(parsing: text).root))
  }

  @Test(arguments: [
    ("1", "1.0"), ("100", "1e2"), ("0.01", "1E-2"), ("-0", "0"), ("0e5", "0.000"), ("-1.50", "-15e-1"),
    ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
  ])
  func `one value has one form`(_ left: String, _ right: String) throws {
    #expect(try number(left) == number(right))
    #expect(try !(number(left) < number(right)) && !(number(right) < number(left)))
  }

  @Test func `numbers are in order, and no two of them are the same`() throws {
    let ascending = try [
      "-1e400", "-10", "-9.99", "-1", "-1e-400", "0", "1e-400", "0.1", "0.10000000000000000000001", "0.2", "1", "1.5",
      "9", "10", "9007199254740992", "9007199254740993", "1e400",
    ].map(number)
    for (index, left) in ascending.enumerated() {
      for (other, right) in ascending.enumerated() {
        #expect((left < right) == (index < other))
        #expect((left == right) == (index == other))
      }
    }
  }

  @Test func `multiples agree with integer arithmetic`() throws {
    for value in stride(from: -3000, through: 3000, by: 7) {
      for divisor in [1, 2, 3, 7, 10, 25, 64, 999] {
        let parsed = try #require(DecimalNumber.Divisor(try number("\(divisor)e-2")))
        #expect(try number("\(value)e-2").isMultiple(of: parsed) == (value % divisor == 0), "\(value) \(divisor)")
      }
    }
  }

  @Test func `whole numbers and counts are known`() throws {
    #expect(try number("1e3").count == 1000)
    #expect(try number("0").count == 0)
    #expect(try number("-1").count == nil)
    #expect(try number("1e30").count == nil)
    #expect(try number("1.5").count == nil)
    #expect(try number("1e30").isInteger)
    #expect(try !number("15e-1").isInteger)
    #expect(DecimalNumber.Divisor(try number("0")) == nil)
    #expect(DecimalNumber.Divisor(try number("-2")) == nil)
    #expect(DecimalNumber.Divisor(try number("1234567890123456789")) == nil)
  }
}
