import VARCompute
package import VARImages
import VARQuant

/// What a comparison with a reference found.
package struct ParityReport: Sendable {
  /// The part of the computation that a limit is for, in the order of the computation.
  package enum Section: String, Sendable, CaseIterable, Encodable {
    /// Class embeddings and the inputs of the scales.
    case inputs
    /// What the blocks write.
    case blocks
    /// How much the blocks add.
    case gains
    /// Raw and guided logits.
    case logits
    /// The logits as predictions.
    case predictions
    /// f̂.
    case features
    /// The decoder's stages.
    case decoder
    /// The picture from the reference's tokens.
    case image
    /// Tokens when nothing is replayed.
    case freeRun = "free_run"
  }

  /// The verdict on a section.
  package struct Verdict: Equatable, Sendable, Encodable {
    /// Which one.
    package let section: Section
    /// What is measured.
    package let quantity: String
    /// Its worst value.
    package let worst: Double
    /// What is allowed.
    package let limit: Double
    /// Whether it is within the limit.
    package let passed: Bool
  }

  /// Tokens that agree at one scale when nothing is replayed.
  package struct Agreement: Equatable, Sendable, Encodable {
    /// The scale, from 0.
    package let scale: Int
    /// Positions with the reference's token.
    package let same: Int
    /// All positions.
    package let total: Int
  }

  /// The model's weakest tensor format and the compute mode, whose limits apply.
  package let limits: ParityLimits
  /// Whether our generator's first draws are those of the reference; nil if it recorded none.
  package internal(set) var sameDraws: Bool?
  /// Every recorded tensor, in the order of the computation.
  package internal(set) var tensors: [TensorComparison] = []
  /// Every block that was recorded with its input.
  package internal(set) var gains: [BlockGain] = []
  /// Every scale's predictions.
  package internal(set) var predictions: [PredictionComparison] = []
  /// Token agreement of the free run.
  package internal(set) var agreement: [Agreement] = []
  /// PSNR in dB of the free run's pictures to the reference's; nil if it recorded none.
  package internal(set) var freeRunPSNR: [Double]?

  /// One of the reference's pictures, and ours.
  package struct Pictures: Sendable {
    /// PyTorch's.
    package let reference: Image
    /// Ours from its tokens.
    package let replayed: Image
    /// Ours from our own.
    package let free: Image
  }

  /// The first ``pictureLimit`` pictures; empty where the reference recorded none. No part of the JSON.
  package internal(set) var pictures: [Pictures] = []
  /// Pictures of a batch that are kept to be looked at.
  static let pictureLimit = 8

  /// Seed, device and precision of the reference, for people.
  package let run: String

  init(limits: ParityLimits, run: String) {
    self.limits = limits
    self.run = run
  }

  /// The section of a tensor.
  static func section(of tensor: String) -> Section {
    if tensor == "cond" || tensor.hasSuffix(".input") { return .inputs }
    if tensor.contains(".block") { return .blocks }
    if tensor.contains(".logits") { return .logits }
    if tensor.hasSuffix(".fhat") { return .features }
    return tensor == "image" ? .image : .decoder
  }

  /// The first tensor, in the order of the computation, that is beyond its limit.
  package var firstFailure: TensorComparison? {
    tensors.first { !($0.relativeError <= limits.relativeError(Self.section(of: $0.name))) }
  }

  private var gainVerdict: Verdict? {
    let distances = gains.map { $0.gain.isNaN ? .infinity : abs($0.gain - 1) }
    guard let worst = distances.max() else { return nil }
    return Verdict(
      section: .gains, quantity: "|gain − 1|", worst: worst, limit: limits.gain,
      passed: worst <= limits.gain)
  }

  /// The verdict on each section that was compared.
  package var verdicts: [Verdict] {
    Section.allCases.compactMap { section in
      switch section {
      case .gains: return gainVerdict
      case .predictions: return predictionVerdict
      case .freeRun: return freeRunVerdict
      default:
        let errors = tensors.filter { Self.section(of: $0.name) == section }.map(\.relativeError)
        guard let worst = errors.max() else { return nil }
        let limit = limits.relativeError(section)
        return Verdict(
          section: section, quantity: "relative error", worst: worst, limit: limit,
          passed: worst <= limit)
      }
    }
  }

  private var predictionVerdict: Verdict? {
    guard let worst = predictions.map(\.meanDivergence).max() else { return nil }
    return Verdict(
      section: .predictions, quantity: "mean KL", worst: worst, limit: limits.meanDivergence,
      passed: worst <= limits.meanDivergence)
  }

  private var freeRunVerdict: Verdict? {
    let total = agreement.reduce(0) { $0 + $1.total }
    guard total > 0 else { return nil }
    let share = Double(agreement.reduce(0) { $0 + $1.same }) / Double(total)
    return Verdict(
      section: .freeRun, quantity: "share of tokens", worst: share, limit: limits.freeRunAgreement,
      passed: share >= limits.freeRunAgreement)
  }

  /// Whether every section is within its limit.
  package var passed: Bool { verdicts.allSatisfy(\.passed) }
}

extension ParityReport: Encodable {
  private enum CodingKeys: String, CodingKey {
    case run
    case format
    case compute
    case sameDraws = "same_draws"
    case reference
    case tensors
    case gains
    case predictions
    case agreement
    case freeRunPSNR = "free_run_psnr"
    case verdicts
    case firstFailure = "first_failure"
    case passed
  }

  /// Writes everything, verdicts included; an infinite PSNR as null.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(run, forKey: .run)
    try container.encode(limits.format.name, forKey: .format)
    try container.encode(limits.mode.rawValue, forKey: .compute)
    try container.encode(limits.reference, forKey: .reference)
    try container.encode(sameDraws, forKey: .sameDraws)
    try container.encode(tensors, forKey: .tensors)
    try container.encode(gains, forKey: .gains)
    try container.encode(predictions, forKey: .predictions)
    try container.encode(agreement, forKey: .agreement)
    try container.encode(
      freeRunPSNR.map { $0.map { $0.isFinite ? $0 : nil } }, forKey: .freeRunPSNR)
    try container.encode(verdicts, forKey: .verdicts)
    try container.encode(firstFailure?.name, forKey: .firstFailure)
    try container.encode(passed, forKey: .passed)
  }
}
