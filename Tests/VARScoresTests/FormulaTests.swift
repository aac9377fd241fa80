import Foundation
import LinearAlgebra
import TensorBytes
import TestSupport
import Testing
import VARScores

/// The formulas against SciPy and the usual evaluator's text; `tools/make_score_goldens.py`.
@Suite struct FormulaTests {
  private struct Golden: Decodable {
    let frechet: Double
    let inceptionOne: Double
    let inceptionSplits200: Double
    let precision: Double
    let recall: Double
    let precisionHalf: Double
    let recallHalf: Double

    enum CodingKeys: String, CodingKey {
      case frechet
      case inceptionOne = "inception_one"
      case inceptionSplits200 = "inception_splits_200"
      case precision
      case recall
      case precisionHalf = "precision_half"
      case recallHalf = "recall_half"
    }
  }

  private let golden: Golden
  private let samples: Features
  private let reference: Features
  private let logits: Features
  private let blas: BLAS

  init() throws {
    let path = Repository.file("Tests/Goldens/scores/formulas.json")
    golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: URL(filePath: path)))
    var numbers = SeededNumbers(9)
    let mix = numbers.take(24 * 24).map { Double($0) }
    func mixed(_ count: Int) -> [Double] {
      let rows = numbers.take(count * 24).map { Double($0) }
      return (0..<count * 24).map { place in
        let (row, column) = (place / 24, place % 24)
        return (0..<24).reduce(0) { $0 + rows[row * 24 + $1] * mix[$1 * 24 + column] }
      }
    }
    samples = Features(size: 24, mixed(500).map { Float($0) })
    reference = Features(size: 24, mixed(400).map { Float($0 * 1.25 + 0.5) })
    logits = Features(size: 10, numbers.take(5000).map { $0 * 4 })
    blas = try BLAS.open()
  }

  @Test func frechetDistanceIsSciPys() throws {
    let distance = try FeatureStatistics(samples, blas).frechetDistance(
      to: FeatureStatistics(reference, blas), blas)
    #expect(abs(distance / golden.frechet - 1) < 1e-6)
    let same = try FeatureStatistics(samples, blas)
      .frechetDistance(to: FeatureStatistics(samples, blas), blas)
    #expect(abs(same) < 1e-9)
  }

  /// A singular covariance has a root too.
  @Test func fewPicturesHaveADistance() throws {
    let few = Features(size: 24, Array(repeating: 1, count: 48))
    let distance = try FeatureStatistics(few, blas).frechetDistance(
      to: FeatureStatistics(samples.rows([0, 1, 2]), blas), blas)
    #expect(distance.isFinite)
  }

  @Test func inceptionScoresAreTheEvaluators() {
    let probabilities = InceptionScore.probabilities(logits)
    #expect(abs(InceptionScore.score(probabilities) / golden.inceptionOne - 1) < 1e-9)
    let splits = InceptionScore.splitScore(probabilities, of: 200)
    #expect(abs(splits / golden.inceptionSplits200 - 1) < 1e-9)
  }

  @Test func precisionAndRecallAreTheEvaluators() {
    let shares = PrecisionRecall(samples: samples, reference: reference, blas)
    #expect(shares.precision == golden.precision)
    #expect(shares.recall == golden.recall)
    // Equal distances may fall either way by the order of a product's sum: one picture.
    let half = PrecisionRecall(samples: samples, reference: reference, arithmetic: .half, blas)
    #expect(abs(half.precision - golden.precisionHalf) < 0.0021)
    #expect(abs(half.recall - golden.recallHalf) < 0.0026)
  }

  /// The order of a set is its score's trap: told where it is sorted, silent where it is shuffled.
  @Test(arguments: [true, false])
  func sortedSetsAreTold(isSorted: Bool) throws {
    var numbers = SeededNumbers(4)
    let labels = (0..<400).map { isSorted ? $0 / 40 : $0 % 10 }
    var rows: [Float] = []
    for label in labels {
      rows += (0..<10).map { $0 == label ? 6 : 0 }
      _ = numbers.take(1)
    }
    let set = SetFeatures(
      features: Features(size: 24, Array(numbers.take(400 * 24))), logits: Features(size: 10, rows))
    let scores = try PictureScores(
      set, heldTo: ScoreGoal(set, blas), resamples: 3, blas)
    #expect(scores.warnings.contains { $0.contains("sorted by class") } == isSorted)
    #expect(scores.warnings.contains { $0.contains("400 pictures") })
    #expect(scores.precision?.value == 1)
    let error = try #require(scores.frechet.error)
    #expect(error > 0)
    let again = try PictureScores(
      set, heldTo: ScoreGoal(set, blas), resamples: 3, blas)
    #expect(again.frechet == scores.frechet)
  }

  /// Statistics stand in for a reference's pictures.
  @Test func knownStatisticsGiveTheSameDistance() throws {
    let set = SetFeatures(features: samples, logits: logits)
    let other = SetFeatures(
      features: reference, logits: Features(size: 10, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    let seen = try PictureScores(
      set, heldTo: ScoreGoal(other, blas), resamples: 0, blas)
    let known = try PictureScores(
      set, heldTo: ScoreGoal(FeatureStatistics(reference, blas)), resamples: 0, blas)
    #expect(seen.frechet == known.frechet)
    #expect(known.precision == nil && seen.frechet.error == nil)
  }
}

/// Uniform numbers of [-1, 1), the same as `make_inception.Numbers`.
struct SeededNumbers {
  private var random: SplitMix64

  init(_ seed: UInt64) { random = SplitMix64(state: seed) }

  mutating func take(_ count: Int) -> [Float] {
    (0..<count).map { _ in Float(random.next() >> 40) * 0x1p-23 - 1 }
  }
}
