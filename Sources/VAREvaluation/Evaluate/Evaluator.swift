package import VARCompute
package import VARCore
package import VARModel

/// Scores how well a model predicts pictures' own tokens (teacher forcing, label given).
package final class Evaluator {
  private let forcing: TeacherForcing

  /// Allocates for batches of up to `images` pictures.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``, `ComputeError.outOfMemory`.
  package init(_ model: Model, _ compute: Compute, images: Int = 1) throws {
    forcing = try TeacherForcing(model, compute, images: images, purpose: "evaluating")
  }

  /// Cross-entropy in nats and top-1 errors of each scale of each picture.
  ///
  /// - Parameters:
  ///   - tokens: of at most as many pictures as a batch holds.
  ///   - labels: as many.
  /// - Throws: ``ModelError`` for tokens and labels that don't suit the model.
  package func scores(of tokens: [TokenMaps], labels: [ClassLabel]) throws -> [ImageScore] {
    var scores = tokens.map { _ in ImageScore(scales: []) }
    try forcing.run(tokens, labels: labels) { scale, logits in
      for image in tokens.indices {
        scores[image].scales.append(
          Self.score(logits, of: tokens[image].scales[scale], image: image))
      }
    }
    return scores
  }

  private static func score(
    _ logits: FloatMatrix, of targets: [Int32], image: Int
  ) -> ScaleScore {
    var score = ScaleScore(tokens: targets.count, loss: 0, errors: 0)
    for (position, target) in targets.enumerated() {
      logits.withRow(image * targets.count + position) { row in
        score.loss += LogSoftmax.normalizer(row) - Double(row[Int(target)])
        score.errors += LogSoftmax.argmax(row) == Int(target) ? 0 : 1
      }
    }
    return score
  }
}
