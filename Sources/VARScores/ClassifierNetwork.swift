package import VARCompute

/// The judge of the demo model's pictures (tools/vartorch/classifier.py): garment, colour, and 64
/// features.
package final class ClassifierNetwork: PictureNetwork {
  static let units: [ConvolutionUnit] = [
    (3, 32, 4, 2), (32, 64, 3, 2), (64, 64, 3, 1), (64, 128, 3, 2), (128, 128, 3, 1),
  ].enumerated().map { index, layer in
    let (inputs, outputs, side, stride) = layer
    return ConvolutionUnit(
      name: "conv\(index)", convolution: "body.\(3 * index)", norm: "body.\(3 * index + 1)",
      inputs: inputs, outputs: outputs, filter: (side, side), stride: stride, padding: (1, 1),
      epsilon: 1e-5)
  }

  package let sizes = (features: 64, spatial: 0, logits: 60)
  package let batch = 64
  /// Pixels of the side that it was trained on.
  static let side = 32
  private let runner: UnitRunner

  /// Reads the weights.
  package init(_ file: NetworkFile, _ compute: Compute) throws {
    runner = try UnitRunner(file, Self.units, compute)
  }

  package func look(at pictures: [UInt8], side: Int) throws -> NetworkOutputs {
    let count = pictures.count / (3 * side * side)
    let input = try runner.map("input", count, Self.side, Self.side, 3)
    try PictureInput.fill(input, pictures, side: side) { $0 / 127.5 - 1 }
    let features = try runner.linear(
      "embed", runner.means(try runner.chain(Self.units.map(\.name), input)), columns: 128,
      outputs: 64)
    let hidden = features.map { max(0, $0) }
    let garments = try runner.linear("garment", hidden, columns: 64, outputs: 10)
    let colours = try runner.linear("colour", hidden, columns: 64, outputs: 6)
    // Class 10 · colour + garment: both are judged by themselves, so their logits add up.
    var logits: [Float] = []
    for image in 0..<count {
      for label in 0..<60 {
        logits.append(colours[6 * image + label / 10] + garments[10 * image + label % 10])
      }
    }
    return NetworkOutputs(features: features, logits: logits)
  }
}
