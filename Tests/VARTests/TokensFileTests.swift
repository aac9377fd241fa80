import Testing
import VAR
import VARCore
import VARModel

@Suite struct TokensFileTests {
  private let file = TokensFile(
    patchNumbers: [1, 2],
    images: [
      .init(label: .id(3), seed: 5, tokens: TokenMaps([[7], [0, 1, 2, 3]])),
      .init(
        label: .unconditional, seed: .max, tokens: TokenMaps([[0], [9, 9, 9, 9]]),
        drawn: TokenMaps([[1], [2, 3, 4, 5]])),
      .init(tokens: TokenMaps([[1], [1, 1, 1, 1]])),
    ])

  @Test func roundTrip() throws {
    let read = try TokensFile(json: file.json, name: "t.json")
    #expect(read == file)
    try read.validate(name: "t.json", patchNumbers: [1, 2], vocabulary: 10)
    let text = String(decoding: file.json, as: UTF8.self)
    #expect(
      text.hasPrefix(
        """
        {
          "patch_nums": [1, 2],
          "images": [
            {"class": 3, "seed": 5, "tokens": [
              [7],
              [0, 1, 2, 3]
            ]},
            {"class": null, "seed": 18446744073709551615, "tokens": [

        """))
  }

  struct Malformed: Sendable {
    let json: String
    let reason: String
  }

  static let notJSON = "it is not JSON, or a number in it is not whole or too large"

  @Test(arguments: [
    Malformed(json: "", reason: notJSON),
    Malformed(json: "{\"patch_nums\": [1]", reason: notJSON),
    Malformed(json: "{\"patch_nums\": [1]}", reason: "\"images\" is missing"),
    Malformed(json: "{\"images\": []}", reason: "\"patch_nums\" is missing"),
    Malformed(
      json: "{\"patch_nums\": [1], \"images\": [{\"tokens\": [[1], [2.5]]}]}",
      reason: notJSON),
    Malformed(
      json: "{\"patch_nums\": [1], \"images\": [{\"tokens\": [[99999999999]]}]}",
      reason: notJSON),
    Malformed(
      json: "{\"patch_nums\": [1], \"images\": [{\"tokens\": [[\"a\"]]}]}",
      reason: "a value of another kind is expected at images[0].tokens[0][0]"),
    Malformed(
      json: "{\"patch_nums\": [1], \"images\": [{\"class\": 1}]}",
      reason: "\"tokens\" is missing at images[0]"),
  ])
  func malformedFilesAreRefused(_ example: Malformed) {
    #expect(throws: TokensFileError.malformed(name: "x", reason: example.reason)) {
      try TokensFile(json: Array(example.json.utf8), name: "x")
    }
  }

  @Test func deepNestingDoesNotCrash() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: TokensFileError.self) { try TokensFile(json: Array(deep.utf8), name: "x") }
  }

  @Test func filesOfOtherModelsAreRefused() {
    func expect(
      _ error: TokensFileError, _ patchNumbers: [Int] = [1, 2], vocabulary: Int = 10,
      _ change: (inout TokensFile) -> Void
    ) {
      var file = file
      change(&file)
      #expect(throws: error) {
        try file.validate(name: "t", patchNumbers: patchNumbers, vocabulary: vocabulary)
      }
    }
    expect(.patchNumbers(name: "t", expected: [1, 3], actual: [1, 2]), [1, 3]) { _ in }
    expect(.noImages(name: "t")) { $0.images = [] }
    expect(.counts(name: "t", image: 1, expected: [1, 4], actual: [1, 3])) {
      $0.images[1].tokens.scales[1].removeLast()
    }
    expect(.counts(name: "t", image: 2, expected: [1, 4], actual: [1])) {
      $0.images[2].tokens.scales.removeLast()
    }
    expect(
      .token(name: "t", image: 1, scale: 1, position: 0, token: 9, vocabulary: 9), vocabulary: 9
    ) { _ in }
    expect(.token(name: "t", image: 1, scale: 0, position: 0, token: -1, vocabulary: 10)) {
      $0.images[1].drawn?.scales[0] = [-1]
    }
  }
}
