internal import VARCompute
internal import VARConversion
internal import VARCore
internal import VAREvaluation

/// What the unquantized model predicts for the tokens of some pictures, and the pictures that it makes
/// of them: what other models are compared with.
final class PredictionReference {
  private let pictures: CalibrationPictures
  private let compute: Compute
  /// Of each picture and scale, [p_k², V].
  private var logits: [[[Float]]] = []
  /// Of each picture, values of [0, 1], [S, S, 3].
  private var pixels: [[Float]] = []

  /// How many pictures there are.
  var count: Int { pictures.tokens.count }

  init(_ model: Model, _ pictures: CalibrationPictures, _ compute: Compute) throws {
    self.pictures = pictures
    self.compute = compute
    logits = pictures.tokens.map { _ in [] }
    try predict(model) { image, _, values in self.logits[image].append(values) }
    pixels = try draw(model)
  }

  /// The mean KL divergence of a model's predictions from these, in nats a token.
  func divergence(of model: Model) throws -> SensitivityTable.Cost {
    var sums = [Double](repeating: 0, count: count)
    try predict(model) { [logits, pictures] image, scale, values in
      let reference = logits[image][scale]
      let width = values.count / max(1, pictures.tokens[image].scales[scale].count)
      for start in stride(from: 0, to: values.count, by: width) {
        sums[image] += unsafe reference[start..<start + width].withUnsafeBufferPointer {
          reference in
          unsafe values[start..<start + width].withUnsafeBufferPointer { values in
            LogSoftmax.divergence(
              unsafe Span(_unsafeElements: reference), unsafe Span(_unsafeElements: values))
          }
        }
      }
    }
    var mean = RunningMean()
    for (image, sum) in sums.enumerated() {
      mean.add(sum / Double(pictures.tokens[image].scales.reduce(0) { $0 + $1.count }))
    }
    return SensitivityTable.Cost(mean.mean, standardError: mean.standardError)
  }

  /// The mean squared error of the pictures that a model makes of the tokens.
  func pictureError(of model: Model) throws -> SensitivityTable.Cost {
    var mean = RunningMean()
    for (reference, values) in zip(pixels, try draw(model)) {
      let sum = zip(reference, values).reduce(0.0) {
        let error = Double($1.0) - Double($1.1)
        return $0 + error * error
      }
      mean.add(sum / Double(max(1, values.count)))
    }
    return SensitivityTable.Cost(mean.mean, standardError: mean.standardError)
  }

  /// The logits of every scale of every picture, a few pictures at a time.
  private func predict(
    _ model: Model, _ body: @escaping (_ image: Int, _ scale: Int, _ logits: [Float]) -> Void
  ) throws {
    let batch = min(4, count)
    let forcing = try TeacherForcing(model, compute, images: batch, purpose: "comparing")
    for start in stride(from: 0, to: count, by: batch) {
      let images = start..<min(start + batch, count)
      try forcing.run(
        Array(pictures.tokens[images]), labels: Array(pictures.labels[images])
      ) { [pictures] scale, logits in
        let values = logits.values
        let size = pictures.tokens[start].scales[scale].count * logits.columns
        for image in images {
          let first = (image - start) * size
          body(image, scale, Array(values[first..<first + size]))
        }
      }
    }
  }

  private func draw(_ model: Model) throws -> [[Float]] {
    let codec = try ImageCodec(model, compute)
    return try pictures.tokens.map { try codec.decodeValues(codec.features(of: $0)) }
  }
}
