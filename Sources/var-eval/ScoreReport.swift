import CommandSupport
import TensorBytes
import VARScores

/// The scores of a set as JSON, lines and a page.
struct ScoreReport: Encodable {
  let set: String
  let reference: String
  let network: String
  let networkSha256: String
  let pictures: Int
  let referencePictures: Int?
  let frechetDistance: Score
  let spatialFrechetDistance: Score?
  let inceptionScoreSplits: Score
  let inceptionScoreWhole: Score
  let precision: Score?
  let recall: Score?
  let precisionFp16: Score?
  let recallFp16: Score?
  let warnings: [String]
  private let isInception: Bool

  private enum CodingKeys: String, CodingKey {
    case set, reference, network, networkSha256, pictures, referencePictures, frechetDistance
    case spatialFrechetDistance, inceptionScoreSplits, inceptionScoreWhole, precision, recall
    case precisionFp16, recallFp16, warnings
  }

  init(
    _ scores: PictureScores, set: String, reference: String, network: NetworkFile,
    isInception: Bool
  ) {
    self.set = set
    self.reference = reference
    self.network = network.architecture.rawValue
    networkSha256 = SHA256Digest.hex(network.checksum)
    pictures = scores.count
    referencePictures = scores.referenceCount
    frechetDistance = scores.frechet
    spatialFrechetDistance = scores.spatialFrechet
    inceptionScoreSplits = scores.inceptionSplits
    inceptionScoreWhole = scores.inceptionWhole
    precision = scores.precision
    recall = scores.recall
    precisionFp16 = scores.precisionHalf
    recallFp16 = scores.recallHalf
    warnings = scores.warnings
    self.isInception = isInception
  }

  /// Name, figure and standard error.
  private var rows: [[String]] {
    func row(_ name: String, _ score: Score?, _ digits: Int) -> [String]? {
      score.map {
        [name, Format.fixed($0.value, digits), $0.error.map { Format.fixed($0, digits) } ?? ""]
      }
    }
    return [
      row(isInception ? "FID" : "Fréchet distance", frechetDistance, 3),
      row("sFID", spatialFrechetDistance, 3),
      row(
        "\(scoreName), splits of \(InceptionScore.split)", inceptionScoreSplits, 2),
      row("\(scoreName), one split", inceptionScoreWhole, 2),
      row("precision", precision, 4), row("recall", recall, 4),
      row("precision, distances in fp16", precisionFp16, 4),
      row("recall, distances in fp16", recallFp16, 4),
    ].compactMap(\.self)
  }

  private var scoreName: String { isInception ? "Inception Score" : "class score" }

  private var heading: String {
    "\(Format.count(pictures, "picture"))"
      + (referencePictures.map { " against \($0)" } ?? " against known statistics")
      + ", \(network) \(networkSha256.prefix(12))"
  }

  var lines: [String] {
    var table = TextTable(["score", "", "±"])
    for row in rows { table.add(row) }
    return [table.text, heading] + warnings.map { "warning: " + $0 }
  }

  func html() throws -> [UInt8] {
    var page = HTMLPage(
      title: "The scores of \(set)",
      verdict: rows.map { "\($0[0]) \($0[1])" + ($0[2].isEmpty ? "" : " ± \($0[2])") }
        .joined(separator: "; ") + ".",
      isGood: warnings.isEmpty ? nil : false)
    page.add(text: heading + ". Reference: \(reference).")
    for warning in warnings { page.add(text: "Warning: " + warning + ".") }
    page.add(table: "Scores", ["score", "value", "standard error"], rows)
    page.add(
      text:
        "Formulas of the usual evaluator (guided-diffusion). Standard errors are those of a bootstrap over the "
        + "set's pictures; of precision and recall, of as many independent draws.")
    return page.html
  }
}
