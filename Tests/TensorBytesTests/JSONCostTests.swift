import TensorBytes
import Testing

@Suite struct JSONCostTests {
  @Test func soundTextsPass() throws {
    // Brackets within texts, also behind escaped quotes.
    let text = String(repeating: "[{,", count: 500_000)
    try JSONCost.check(Array("[\"\(text)\", \"\\\"\(text)\\\\\"]".utf8))
    // The tokens of many pictures: numbers of four digits, lists of one, an object for each.
    let scales = (1...16).map { side in
      (0..<side * side).map { "\($0 % 4096)" }.joined(separator: ", ")
    }
    let picture = "{\"class\": 3, \"tokens\": [[\(scales.joined(separator: "],["))]]},"
    try JSONCost.check(Array("[\(String(repeating: picture, count: 2000))0]".utf8))
  }

  @Test func othersAreRefused() {
    func refused(_ error: JSONCostError, _ text: String) {
      #expect(throws: error) { try JSONCost.check(Array(text.utf8)) }
    }
    refused(.depth, String(repeating: "[", count: 33))
    refused(.depth, "[\"\\\\\"," + String(repeating: "{\"a\":", count: 32))
    refused(.values, String(repeating: "0,", count: 1_100_000))
    refused(.values, String(repeating: "{}", count: 80_000))
    refused(.encoding, "[\0]")
  }
}
