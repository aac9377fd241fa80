import Testing
import VARCore

/// Numbers printed by torch 2.13 on a CPU (and NumPy's `RandomState` for the bare words).
@Suite struct RandomSourceTests {
  @Test func wordsAreMT19937() {
    var reference = RandomSource(seed: 5489)
    #expect(
      (0..<4).map { _ in reference.nextWord() } == [
        3_499_211_612, 581_869_302, 3_890_346_734, 3_586_334_585,
      ])
    for _ in 4..<9_999 { _ = reference.nextWord() }
    #expect(reference.nextWord() == 4_123_659_995)  // the 10,000th, as the C++ standard requires
    var zero = RandomSource(seed: 0)
    #expect(zero.nextWord() == 2_357_136_044)
  }

  @Test(arguments: [5, 1 << 32 + 5] as [UInt64])
  func exponentialsEqualTorch(seed: UInt64) {
    var random = RandomSource(seed: seed)
    #expect(
      (0..<4).map { _ in random.nextExponential() } == [
        0x1.06faca0000000p+0, 0x1.33ff260000000p-2, 0x1.ca52b20000000p-2, 0x1.839d620000000p-2,
      ])
  }

  struct Labels: Sendable {
    let seed: UInt64
    let count: Int
    let classes: Int
    let drawn: [Int]
    let next: Float
  }

  static let labels = [
    Labels(seed: 0, count: 1, classes: 1000, drawn: [436], next: 0.24691008031368256),
    Labels(seed: 1, count: 1, classes: 20, drawn: [0], next: 2.5885653495788574),
    Labels(seed: 5, count: 1, classes: 60, drawn: [22], next: 0.2350938618183136),
    Labels(
      seed: 0, count: 8, classes: 1000, drawn: [970, 707, 459, 920, 645, 791, 178, 351],
      next: 0.8706983327865601),
    Labels(
      seed: 3, count: 8, classes: 60, drawn: [2, 17, 46, 10, 45, 36, 11, 26],
      next: 0.5189282894134521),
    Labels(seed: 7, count: 5, classes: 1, drawn: [0, 0, 0, 0, 0], next: 1.8297441005706787),
  ]

  @Test(arguments: labels)
  func labelsEqualTorch(_ example: Labels) {
    var random = RandomSource(seed: example.seed)
    #expect(random.drawLabels(example.count, classes: example.classes) == example.drawn)
    #expect(random.nextExponential() == example.next)
  }
}
