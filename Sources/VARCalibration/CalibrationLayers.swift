package import VARConversion
internal import VARModel
internal import VARQuant

/// A layer whose weight is to be calibrated.
struct CalibratedLayer: Sendable {
  /// The parts of a model whose inputs are gathered together.
  enum Group: Hashable, Sendable {
    /// The layers of adaLN: all have the same inputs, which need no pictures.
    case conditioning
    /// The linear layers of a block.
    case block(Int)
    /// The layer that predicts tokens.
    case head
    /// The convolutions from pixels to features.
    case encoder
    /// The convolutions from features to pixels.
    case decoder
  }

  /// The weight's name in the file.
  let weight: String
  /// The names of its biases, and the first output that each is for.
  let biases: [(name: String, first: Int)]
  /// Its part of the model.
  let group: Group
  /// Outputs and inputs.
  let rows: Int
  let columns: Int
  /// The format that the weight is to have.
  let format: TensorFormat

  /// Whether its bias makes up for the mean error; it gains nothing in the VQ-VAE.
  var correctsBias: Bool { group != .encoder && group != .decoder }

  /// Passes of coordinate descent after GPTQ; they too gain nothing in the VQ-VAE.
  var refinements: Int { correctsBias ? 1 : 0 }
}

/// The layers of a plan that are to be calibrated, in the order in which a run visits them.
struct CalibratedLayers: Sendable {
  private(set) var all: [CalibratedLayer] = []
  /// By the name of a weight or of a bias.
  private(set) var byName: [String: CalibratedLayer] = [:]

  init(_ plan: ConversionPlan) {
    let formats = Dictionary(
      uniqueKeysWithValues: plan.tensors.map { ($0.target.name, $0.target.format) })
    for layer in LayerWalk(plan.configuration).layers {
      guard let format = formats[layer.weight.name], BlockQuantizer(format) != nil else { continue }
      let shape = layer.weight.storedShape
      let calibrated = CalibratedLayer(
        weight: layer.weight.name, biases: layer.biases.map { ($0.0.name, $0.1) },
        group: layer.group, rows: shape[0], columns: shape.dropFirst().reduce(1, *),
        format: format)
      all.append(calibrated)
      byName[calibrated.weight] = calibrated
      guard calibrated.correctsBias else { continue }
      for bias in calibrated.biases { byName[bias.name] = calibrated }
    }
  }

  /// The layers of a part.
  func of(_ group: CalibratedLayer.Group) -> [CalibratedLayer] { all.filter { $0.group == group } }
}

/// All layers of an architecture, with their parts.
private struct LayerWalk {
  private(set) var layers:
    [(
      weight: TensorSpecification, biases: [(TensorSpecification, Int)],
      group: CalibratedLayer.Group
    )] = []

  init(_ configuration: ModelConfiguration) {
    var collector = LayerCollector()
    if let shape = configuration.transformer {
      let model = TransformerArchitecture(shape, &collector)
      if let shared = model.sharedAdaLN { add([shared], .conditioning) }
      for (index, block) in model.blocks.enumerated() {
        if case .linear(let layer) = block.adaLN { add([layer], .conditioning) }
        add([block.qkv, block.projection, block.fc1, block.fc2], .block(index))
      }
      add([model.headAdaLN], .conditioning)
      add([model.head], .head)
    }
    if let shape = configuration.tokenizer {
      let model = TokenizerArchitecture(shape, &collector)
      add(Self.layers(of: model.encoder), .encoder)
      add(Self.layers(of: model.decoder), .decoder)
    }
  }

  private mutating func add(_ layers: [LayerCollector.Layer], _ group: CalibratedLayer.Group) {
    self.layers += layers.map { ($0.weight, $0.biases, group) }
  }

  private static func layers(of network: ImageNetwork<LayerCollector>) -> [LayerCollector.Layer] {
    network.stages.flatMap { stage -> [LayerCollector.Layer] in
      switch stage {
      case .residual(let block):
        [block.conv1, block.shortcut, block.conv2].compactMap(\.self)
      case .attention(let block): [block.qkv, block.projection]
      case .resample(let layer): [layer]
      }
    }
  }
}

/// Keeps the names of each layer.
private struct LayerCollector: ArchitectureVisitor {
  struct Layer: Sendable {
    let weight: TensorSpecification
    /// With the first output that each is for.
    let biases: [(TensorSpecification, Int)]
  }

  mutating func tensor(_ tensor: TensorSpecification) {}
  mutating func vector(_ tensor: TensorSpecification) {}
  mutating func linear(_ layer: AffineLayer) -> Layer {
    Layer(weight: layer.weight, biases: [(layer.bias, 0)])
  }
  /// Keys have no bias.
  mutating func attentionInput(_ layer: AttentionInputLayer) -> Layer {
    let width = layer.queryBias.upstreamShape[0]
    return Layer(
      weight: layer.weight, biases: [(layer.queryBias, 0), (layer.valueBias, 2 * width)])
  }
  mutating func convolution(_ layer: AffineLayer, _ form: ConvolutionForm) -> Layer {
    linear(layer)
  }
  mutating func norm(_ layer: AffineLayer) {}
}

extension ConversionPlan {
  /// What a calibration of this plan makes.
  package var calibrated: Rederivation.Calibrated {
    let layers = CalibratedLayers(self).all
    var biases: [String: (weight: String, first: Int)] = [:]
    for layer in layers where layer.correctsBias {
      // The rows of a bias begin with the first of its outputs.
      for bias in layer.biases { biases[bias.name] = (layer.weight, bias.first) }
    }
    return .init(weights: Set(layers.map(\.weight)), biases: biases)
  }
}
