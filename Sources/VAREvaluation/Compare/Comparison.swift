package import VARCompute
package import VARCore
package import VARModel

/// Compares what two models (or two compute modes) predict for the same tokens.
package final class Comparison {
  private let model: TeacherForcing
  private let reference: TeacherForcing
  /// What was gathered so far.
  package private(set) var report: ComparisonReport

  /// Allocates both; they must have the same scales and vocabulary.
  /// - Throws: ``ModelError``, `ComputeError.outOfMemory`.
  package init(
    _ model: Model, _ compute: Compute, against reference: Model, _ referenceCompute: Compute
  ) throws {
    self.model = try TeacherForcing(model, compute, images: 1, purpose: "comparing")
    self.reference = try TeacherForcing(
      reference, referenceCompute, images: 1, purpose: "comparing")
    let scales = self.reference.patchNumbers
    guard self.model.patchNumbers == scales else {
      throw ModelError.tokenMaps(
        expected: scales.map { $0 * $0 }, actual: self.model.patchNumbers.map { $0 * $0 })
    }
    guard self.model.vocabulary == self.reference.vocabulary else {
      throw ModelError.vocabulary(
        expected: self.reference.vocabulary, actual: self.model.vocabulary)
    }
    report = ComparisonReport(patchNumbers: scales)
  }

  /// Adds one picture, given by its tokens.
  /// - Throws: ``ModelError`` for tokens and a label that don't suit the models.
  package func add(_ tokens: TokenMaps, label: ClassLabel) throws {
    var logits: [[Float]] = []
    try reference.run([tokens], labels: [label]) { _, scale in
      logits.append(scale.values)
    }
    var image: [[TokenDifference]] = []
    try model.run([tokens], labels: [label]) { scale, other in
      image.append(
        Self.differences(logits[scale], other, targets: tokens.scales[scale]))
    }
    report.add(image)
  }

  private static func differences(
    _ reference: [Float], _ other: FloatMatrix, targets: [Int32]
  ) -> [TokenDifference] {
    targets.indices.map { position in
      let width = other.columns
      return reference[position * width..<(position + 1) * width].withSpan { reference in
        other.withRow(position) { other in
          TokenDifference(reference, other, target: Int(targets[position]))
        }
      }
    }
  }
}

/// One token's predictions by two models.
struct TokenDifference {
  /// Kullback–Leibler divergence of the model from the reference, in nats.
  let divergence: Double
  /// Whether both have the same most probable token.
  let sameTop: Bool
  /// Cross-entropy of the model and of the reference, in nats.
  let loss: Double
  let referenceLoss: Double

  init(_ reference: Span<Float>, _ other: Span<Float>, target: Int) {
    divergence = LogSoftmax.divergence(reference, other)
    sameTop = LogSoftmax.argmax(reference) == LogSoftmax.argmax(other)
    loss = LogSoftmax.normalizer(other) - Double(other[target])
    referenceLoss = LogSoftmax.normalizer(reference) - Double(reference[target])
  }
}

extension ArraySlice<Float> {
  fileprivate func withSpan<R>(_ body: (Span<Float>) -> R) -> R {
    unsafe withUnsafeBufferPointer { body(unsafe Span(_unsafeElements: $0)) }
  }
}
