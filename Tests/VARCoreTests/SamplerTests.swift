import Testing
import VARCompute
import VARCore

/// Tokens drawn by torch 2.13 with the official filters, from logits made of Mersenne words.
///
/// Not claimed: which of several *equal* logits top-p drops first. We drop the lower index; torch's
/// sort is unstable where the CPU has AVX-512.
@Suite struct SamplerTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let logits: UInt64
    let rows: Int
    let vocabulary: Int
    let spread: Float
    let topK: Int
    let topP: Double
    let seed: UInt64
    let first: [Int32]
    let hash: UInt64
    let kept: Int
    let next: Float
    var testDescription: String { "\(rows)×\(vocabulary), top-k \(topK), top-p \(topP)" }
  }

  static let cases = [
    Case(
      logits: 1, rows: 12, vocabulary: 512, spread: 8, topK: 0, topP: 0.0, seed: 3,
      first: [325, 361, 413, 493, 491, 459, 363, 494, 235, 269, 398, 384],
      hash: 0x1d28_b269_b130_9b34, kept: 6144, next: 0.4442390501499176),
    Case(
      logits: 2, rows: 12, vocabulary: 512, spread: 20, topK: 1, topP: 0.0, seed: 3,
      first: [116, 347, 124, 377, 172, 56, 15, 321, 225, 3, 421, 253],
      hash: 0x65b7_3739_f116_8c25, kept: 12, next: 0.4442390501499176),
    Case(
      logits: 3, rows: 12, vocabulary: 512, spread: 8, topK: 128, topP: 0.0, seed: 5,
      first: [409, 182, 444, 343, 409, 466, 380, 390, 484, 377, 3, 101],
      hash: 0x6c1b_79c8_b9be_8bd9, kept: 1537, next: 3.801610231399536),
    Case(
      logits: 4, rows: 12, vocabulary: 512, spread: 8, topK: 0, topP: 0.96, seed: 5,
      first: [424, 272, 1, 185, 487, 43, 0, 390, 252, 299, 468, 446],
      hash: 0x85fc_edaf_ea10_37d0, kept: 2475, next: 3.801610231399536),
    Case(
      logits: 5, rows: 512, vocabulary: 4096, spread: 16, topK: 900, topP: 0.96, seed: 5,
      first: [2457, 621, 654, 1066, 3862, 569, 3769, 884, 303, 2064, 339, 348],
      hash: 0x98e0_88f6_a167_94b1, kept: 351_817, next: 2.006589412689209),
    Case(
      logits: 6, rows: 512, vocabulary: 4096, spread: 16, topK: 900, topP: 0.5, seed: 123_456,
      first: [3838, 4027, 1304, 2354, 1904, 3493, 2145, 119, 1223, 846, 3790, 759],
      hash: 0xa7b4_865b_e336_d87b, kept: 87_278, next: 0.44978830218315125),
    Case(
      logits: 7, rows: 200, vocabulary: 1024, spread: 4, topK: 37, topP: 0.0, seed: 9,
      first: [845, 249, 52, 124, 536, 713, 722, 717, 653, 319, 883, 1005],
      hash: 0x513e_5995_dd9d_9f96, kept: 7425, next: 2.9703662395477295),
    Case(
      logits: 8, rows: 16, vocabulary: 4096, spread: 40, topK: 900, topP: 0.96, seed: 11,
      first: [521, 3041, 2073, 1492, 3872, 4083, 2879, 141, 1263, 3870, 1971, 1005],
      hash: 0xbdd0_85fa_f012_128d, kept: 5193, next: 0.7463472485542297),
  ]

  /// 4,096 levels within ±spread/2: ties are frequent.
  private func logits(_ seed: UInt64, _ count: Int, spread: Float) -> [Float] {
    var random = RandomSource(seed: seed)
    return (0..<count).map { _ in (Float(random.nextWord() >> 20) / 4096 - 0.5) * spread }
  }

  /// FNV-1a over whole tokens.
  private func hash(_ tokens: [Int32]) -> UInt64 {
    tokens.reduce(0xcbf2_9ce4_8422_2325) {
      ($0 ^ UInt64(truncatingIfNeeded: $1)) &* 0x100_0000_01b3
    }
  }

  @Test(arguments: cases)
  func tokensEqualTorch(_ example: Case) throws {
    var logits = logits(
      example.logits, example.rows * example.vocabulary, spread: example.spread)
    var tokens = [Int32](repeating: -1, count: example.rows)
    var random = TorchGenerator(seed: example.seed)
    var sampler = try Sampler(
      vocabulary: example.vocabulary,
      options: SamplingOptions(topK: example.topK, topP: example.topP))
    try draw(&sampler, &logits, &random, &tokens)
    #expect(Array(tokens.prefix(12)) == example.first)
    #expect(hash(tokens) == example.hash)
    #expect(logits.count { $0 > -.infinity } == example.kept)
    #expect(random.exponentials(1) == [example.next])
  }

  private func draw(
    _ sampler: inout Sampler, _ logits: inout [Float], _ random: inout TorchGenerator,
    _ tokens: inout [Int32]
  ) throws(SamplingError) {
    var logitSpan = logits.mutableSpan
    var tokenSpan = tokens.mutableSpan
    try sampler.draw(from: &logitSpan, using: &random, into: &tokenSpan)
  }

  @Test func rowsThatAreNotFiniteAreRefused() throws {
    for poison in [Float.nan, .infinity, -.infinity] {
      var logits = [Float](repeating: 0, count: 3 * 8)
      logits[2 * 8 + 5] = poison
      var tokens = [Int32](repeating: 0, count: 3)
      var random = TorchGenerator(seed: 0)
      var sampler = try Sampler(vocabulary: 8, options: SamplingOptions())
      #expect(throws: SamplingError.nonFinite(row: 2)) {
        try draw(&sampler, &logits, &random, &tokens)
      }
    }
  }

  @Test func sizesAreChecked() throws {
    var logits = [Float](repeating: 0, count: 23)
    var tokens = [Int32](repeating: 0, count: 3)
    var random = TorchGenerator(seed: 0)
    var sampler = try Sampler(vocabulary: 8, options: SamplingOptions())
    #expect(throws: SamplingError.size(buffer: "logits", expected: 24, actual: 23)) {
      try draw(&sampler, &logits, &random, &tokens)
    }
  }

  /// Scratch that can't be had is an error, and no trap.
  @Test func memoryMayBeRefused() {
    #expect(throws: ComputeError.self) {
      try Sampler(vocabulary: 1 << 46, options: SamplingOptions())
    }
  }

  @Test func guidanceRoundsEachStep() throws {
    var conditional: [Float] = [1.1, -2.3, 1e-3]
    let unconditional: [Float] = [0.7, 0.9, -1e3]
    let weight = 1.5 * 4 / 9
    let expected = zip(conditional, unconditional).map { pair -> Float in
      let gained = Float(1 + weight) * pair.0
      let lost = Float(weight) * pair.1
      return gained - lost
    }
    var span = conditional.mutableSpan
    try Sampler.guide(&span, unconditional: unconditional.span, weight: weight)
    #expect(conditional == expected)
    #expect(SamplingOptions().guidanceWeight(scale: 4, of: 10) == 1.5 * (4.0 / 9))
    #expect(SamplingOptions().guidanceWeight(scale: 0, of: 1) == 0)
  }

  /// Worst difference of a smooth embedding from torch's, whose `exp` and `log` round differently.
  private static let smoothTolerance: Float = 2e-6

  @Test func smoothEmbeddingsFollowTorch() throws {
    let expected: [[Float]] = [
      [
        0.47704991698265076, -0.3942868113517761, -0.05932614952325821, -0.16015586256980896,
        0.09366218000650406, -0.10212022066116333, 0.3930691182613373, 0.14100733399391174,
        -0.11576572805643082, 0.09525290876626968, 0.4440688490867615, -0.06351908296346664,
      ],
      [
        -0.36942192912101746, 0.06905966997146606, -0.10605224221944809, -0.3288624882698059,
        0.271240234375, -0.201416015625, -0.4794921875, -0.005615234375, -0.30126953125,
        0.266845703125, 0.356689453125, 0.331787109375,
      ],
    ]
    var logits = logits(9, 3 * 64, spread: 8)
    let codebook = self.logits(10, 64 * 4, spread: 1)
    var tokens = [Int32](repeating: 0, count: 3)
    var random = TorchGenerator(seed: 4)
    var sampler = try Sampler(vocabulary: 64, options: SamplingOptions(topK: 40, topP: 0.9))
    try draw(&sampler, &logits, &random, &tokens)
    #expect(tokens == [27, 48, 5])
    for (position, expected) in zip([0.0, 1.0], expected) {
      var embeddings = [Float](repeating: .nan, count: 3 * 4)
      var span = embeddings.mutableSpan
      try sampler.smoothEmbeddings(
        of: logits.span, at: position, codebook: codebook.span, using: &random, into: &span)
      let worst = zip(embeddings, expected).map { abs($0 - $1) }.max() ?? .nan
      #expect(worst <= Self.smoothTolerance, "worst \(worst)")
    }
  }
}
