package import SafetensorsIO
package import TensorBytes
internal import VARCompute
internal import VARQuant

/// The weights of a network that scores pictures, in a `.varq` file of its own architecture.
///
/// Convolutions are stored OHWI in f32 with their batch norm folded in: w · γ/√(σ² + ε) and
/// β − μ·γ/√(σ² + ε), computed in double.
package struct NetworkFile: Sendable {
  /// Which network.
  package enum Architecture: String, Sendable {
    /// The FID Inception v3 of 2015-12-05.
    case inception = "inception-v3-fid"
    /// The judge of the demo model's garments.
    case classifier = "garment-classifier"
  }

  /// Which network.
  package let architecture: Architecture
  /// SHA-256 over header and table.
  package let checksum: [UInt8]
  /// The file.
  package let path: String
  private let file: VarqFile

  /// Opens a file.
  /// - Throws: ``ScoreError/network(path:reason:)``, errors of the format.
  package init(_ path: String) throws {
    let file = try VarqFile(path)
    let name = (try? file.metadata.string(Self.key)) ?? "none"
    guard let architecture = Architecture(rawValue: name) else {
      throw ScoreError.network(
        path: path,
        reason: "its architecture is \"\(name.prefix(40))\"; convert-inception and "
          + "convert-classifier make such files")
    }
    self.architecture = architecture
    self.file = file
    self.path = path
    checksum = file.checksum
    for name in Self.layers(architecture) {
      guard file[name + ".weight"] != nil, file[name + ".bias"] != nil else {
        throw ScoreError.network(path: path, reason: "it lacks \(name)")
      }
    }
  }

  static let key = "model.architecture"

  /// A layer's weights, [rows, columns]; of a convolution [Cout, kh·kw·Cin].
  /// - Throws: ``ScoreError/network(path:reason:)`` for another shape.
  func layer(
    _ name: String, rows: Int, columns: Int
  ) throws -> (weight: WeightMatrix, bias: FloatVector) {
    guard let weight = file[name + ".weight"]?.matrix, let bias = file[name + ".bias"]?.matrix,
      weight.rows == rows, weight.columns == columns, bias.rows * bias.columns == rows
    else {
      throw ScoreError.network(
        path: path, reason: "\(name) is not [\(rows), \(columns)]")
    }
    return (weight, FloatVector(decoding: bias))
  }

  /// Every layer's name in the order of the file.
  static func layers(_ architecture: Architecture) -> [String] {
    switch architecture {
    case .inception: InceptionNetwork.units.map(\.name) + ["fc"]
    case .classifier: ClassifierNetwork.units.map(\.name) + ["embed", "garment", "colour"]
    }
  }

  // ------------------------------------------------------------------------------------ conversion

  /// Converts a checkpoint.
  /// - Throws: ``ScoreError/weights(path:reason:)`` where a tensor is missing or of another shape.
  package static func convert(
    _ checkpoint: Checkpoint, to architecture: Architecture, _ output: OutputFile
  ) throws {
    var tensors: [(name: String, shape: [Int], values: [Float])] = []
    func floats(_ name: String, _ shape: [Int]) throws -> [Float] {
      guard let tensor = checkpoint.tensor(named: name) else {
        throw ScoreError.weights(
          path: checkpoint.path,
          reason: "\(name) is missing: these are not the weights of \(architecture.rawValue)")
      }
      guard tensor.shape == shape else {
        throw ScoreError.weights(
          path: checkpoint.path, reason: "\(name) has the shape \(tensor.shape), not \(shape)")
      }
      let values = try checkpoint.floats(of: tensor)
      guard values.allSatisfy(\.isFinite) else {
        throw ScoreError.weights(
          path: checkpoint.path, reason: "\(name) holds a NaN or an infinity")
      }
      return values
    }
    let units =
      architecture == .inception ? InceptionNetwork.units : ClassifierNetwork.units
    for unit in units {
      let kernel = try floats(
        unit.convolution + ".weight",
        [unit.outputs, unit.inputs, unit.filter.height, unit.filter.width])
      let norm = try ["weight", "bias", "running_mean", "running_var"].map {
        try floats(unit.norm + "." + $0, [unit.outputs])
      }
      var weight = [Float](repeating: 0, count: kernel.count)
      var bias: [Float] = []
      let taps = unit.filter.height * unit.filter.width
      for output in 0..<unit.outputs {
        let factor = Double(norm[0][output]) / (Double(norm[3][output]) + unit.epsilon).squareRoot()
        bias.append(Float(Double(norm[1][output]) - Double(norm[2][output]) * factor))
        for input in 0..<unit.inputs {
          for tap in 0..<taps {
            let value = Double(kernel[(output * unit.inputs + input) * taps + tap]) * factor
            weight[(output * taps + tap) * unit.inputs + input] = Float(value)
          }
        }
      }
      tensors.append(
        (
          unit.name + ".weight",
          [unit.outputs, unit.filter.height, unit.filter.width, unit.inputs], weight
        ))
      tensors.append((unit.name + ".bias", [unit.outputs], bias))
    }
    let heads =
      architecture == .inception
      ? [("fc", 1008, 2048)] : [("embed", 64, 128), ("garment", 10, 64), ("colour", 6, 64)]
    for (name, rows, columns) in heads {
      tensors.append(
        (name + ".weight", [rows, columns], try floats(name + ".weight", [rows, columns])))
      tensors.append((name + ".bias", [rows], try floats(name + ".bias", [rows])))
    }
    guard tensors.allSatisfy({ $0.values.allSatisfy(\.isFinite) }) else {
      throw ScoreError.weights(
        path: checkpoint.path, reason: "a batch norm's variance leaves no finite weights")
    }
    let writer = try VarqWriter(
      output, metadata: Metadata([key: .string(architecture.rawValue)]),
      tensors: tensors.map { TensorPlan(name: $0.name, format: .f32, shape: $0.shape) })
    for tensor in tensors { try writer.append(tensor.values) }
    try writer.finish()
  }
}

/// A convolution with its batch norm and ReLU.
package struct ConvolutionUnit: Sendable {
  /// In our files.
  package let name: String
  /// Of the convolution in the checkpoint.
  package let convolution: String
  /// Of the batch norm in the checkpoint.
  package let norm: String
  /// Channels.
  package let inputs: Int
  /// Channels.
  package let outputs: Int
  /// Rows and columns.
  package let filter: (height: Int, width: Int)
  /// Pixels from one position to the next.
  package let stride: Int
  /// Zeros beyond each edge.
  package let padding: (height: Int, width: Int)
  /// Of the batch norm.
  package let epsilon: Double

  init(
    name: String, convolution: String, norm: String, inputs: Int, outputs: Int,
    filter: (height: Int, width: Int), stride: Int = 1, padding: (height: Int, width: Int) = (0, 0),
    epsilon: Double
  ) {
    self.name = name
    self.convolution = convolution
    self.norm = norm
    self.inputs = inputs
    self.outputs = outputs
    self.filter = filter
    self.stride = stride
    self.padding = padding
    self.epsilon = epsilon
  }
}
