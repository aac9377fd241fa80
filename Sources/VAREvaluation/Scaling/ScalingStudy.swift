import Foundation
internal import TensorBytes

/// Evaluations of a family of models, of the same data by the same tokenizer, and the laws that they
/// follow (section 4.2 of the paper).
package struct ScalingStudy: Sendable {
  /// What the evaluation of one model says: the JSON of `var-run evaluate`, and its member `scaling`.
  package struct Member: Decodable, Sendable {
    /// The last scale's loss in nats, and that of all tokens.
    package let lossTail: Double
    package let lossMean: Double
    /// Shares of tokens that are not the most probable ones.
    package let errorTail: Double
    package let errorMean: Double
    /// Pictures.
    package let images: Int
    /// Its size.
    package let scaling: Size

    private enum CodingKeys: String, CodingKey {
      case lossTail = "L_tail"
      case lossMean = "L_mean"
      case errorTail = "Err_tail"
      case errorMean = "Err_mean"
      case images
      case scaling
    }
  }

  /// How large a model is, and what its training took.
  package struct Size: Decodable, Sendable {
    /// What it is called.
    package let name: String
    /// Parameters without embeddings and head, N.
    package let parameters: Double
    /// FLOP of its training, 6 · N · tokens.
    package let trainingFLOP: Double
    /// Mean test losses on the way; may be left out.
    package let way: [Moment]?

    private enum CodingKeys: String, CodingKey {
      case name
      case parameters
      case trainingFLOP = "training_flop"
      case way
    }
  }

  /// A moment of a training.
  package struct Moment: Decodable, Sendable {
    /// FLOP so far.
    package let trainingFLOP: Double
    /// Mean test loss in nats.
    package let loss: Double

    private enum CodingKeys: String, CodingKey {
      case trainingFLOP = "training_flop"
      case loss
    }
  }

  /// A law, and the largest member held against what the others predict.
  package struct Law: Sendable {
    /// What it is of, such as "L, last scale".
    package let name: String
    /// What it is against: "parameters" or "training FLOP".
    package let against: String
    /// The points.
    package let points: [(x: Double, y: Double)]
    /// The fit over all.
    package let fit: PowerLaw
    /// Of the point of the largest x: what the fit over the others says of it, and what was measured.
    package let held:
      (x: Double, predicted: Double, interval: ClosedRange<Double>, measured: Double)?
  }

  /// The members, from small to large.
  package let members: [Member]

  /// The fewest members that make a study.
  package static let leastMembers = 3

  /// Reads evaluations.
  /// - Throws: ``ScalingError``, `FileError`.
  package init(_ paths: [String]) throws {
    members = try paths.map { path in
      let file = try MappedFile(path)
      let bytes = try unsafe file.withBytes(in: 0..<file.count) { unsafe [UInt8]($0) }
      let member: Member
      do {
        try JSONCost.check(bytes)
        member = try JSONDecoder().decode(Member.self, from: Data(bytes))
      } catch {
        throw ScalingError.noEvaluation(path: path)
      }
      let numbers = [
        member.lossTail, member.lossMean, member.errorTail, member.errorMean,
        member.scaling.parameters, member.scaling.trainingFLOP,
      ]
      guard numbers.allSatisfy({ $0 > 0 && $0.isFinite }) else {
        throw ScalingError.numbers(path: path)
      }
      return member
    }.sorted { $0.scaling.parameters < $1.scaling.parameters }
    let sizes = Set(members.map(\.scaling.parameters)).count
    guard sizes >= Self.leastMembers else { throw ScalingError.tooFew(sizes: sizes) }
  }

  /// L and Err, of the last scale and of all, against parameters and training compute.
  package var laws: [Law] {
    let quantities: [(String, (Member) -> Double)] = [
      ("L, last scale", \.lossTail), ("L, all scales", \.lossMean),
      ("Err, last scale", \.errorTail), ("Err, all scales", \.errorMean),
    ]
    var laws = quantities.compactMap { name, value in
      Self.law(name, "parameters", members.map { ($0.scaling.parameters, value($0)) })
    }
    laws += quantities.compactMap { name, value in
      Self.law(name, "training FLOP", members.map { ($0.scaling.trainingFLOP, value($0)) })
    }
    if let law = Self.law("L, best at its compute", "training FLOP", frontier) { laws.append(law) }
    return laws
  }

  /// Moments of trainings that no other reached with less compute, by rising compute.
  package var frontier: [(x: Double, y: Double)] {
    let moments = members.flatMap { $0.scaling.way ?? [] }
      .filter { $0.trainingFLOP > 0 && $0.loss > 0 && $0.loss.isFinite }
      .sorted { ($0.trainingFLOP, $0.loss) < ($1.trainingFLOP, $1.loss) }
    var best = Double.infinity
    var frontier: [(x: Double, y: Double)] = []
    for moment in moments where moment.loss < best {
      best = moment.loss
      frontier.append((moment.trainingFLOP, moment.loss))
    }
    return frontier
  }

  private static func law(
    _ name: String, _ against: String, _ points: [(x: Double, y: Double)]
  ) -> Law? {
    guard let fit = PowerLaw(points) else { return nil }
    var others = points
    let place = points.indices.max { points[$0].x < points[$1].x }
    let last = place.map { others.remove(at: $0) }
    let held = last.flatMap { last in
      PowerLaw(others).map { fit in
        let prediction = fit.prediction(at: last.x)
        return (last.x, prediction.value, prediction.interval, last.y)
      }
    }
    return Law(name: name, against: against, points: points, fit: fit, held: held)
  }
}

/// Why evaluations make no study.
package enum ScalingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file is no evaluation with a size.
  case noEvaluation(path: String)
  /// A figure is not positive.
  case numbers(path: String)
  /// Too few sizes.
  case tooFew(sizes: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .noEvaluation(let path):
      "\(path) is no evaluation with a size: the JSON of var-run evaluate with a member \"scaling\" of name, "
        + "parameters and training_flop"
    case .numbers(let path):
      "\(path): losses, errors, parameters and training_flop must be positive numbers"
    case .tooFew(let sizes):
      "\(sizes) sizes; a law needs \(ScalingStudy.leastMembers) at least"
    }
  }
}
