import CommandSupport
import TensorBytes
import VAR
import VARCompute
import VARCore
import VAREvaluation
import VARModel
import VARQuant

/// What `info` tells about a model and the machine.
struct InfoReport: Encodable {
  struct Transformer: Encodable {
    let depth: Int
    let width: Int
    let heads: Int
    let classes: Int
    let classNames: Bool
    let guidance: Double
    let adaln: String
    let attention: String
    let parameters: Int
  }

  struct Tokenizer: Encodable {
    let channels: Int
    let multipliers: [Int]
    let parameters: Int
  }

  struct FormatShare: Encodable {
    let format: String
    let tensors: Int
    let bytes: Int
  }

  struct Machine: Encodable {
    let cpuLevel: String
    let cpuLevels: [String]
    let compute: String
    let threads: Int
    let memoryAvailable: Int?
  }

  /// Bytes for a batch with guidance.
  struct Memory: Encodable {
    let images: Int
    let transformerWeights: Int
    let transformerWork: Int
    let decoderWeights: Int
    let decoderWork: Int
    let peak: Int
  }

  let path: String
  let bytes: Int
  let checksum: String
  let weightsChecksum: String
  let about: [String: String]
  let sources: [String]
  let patchNums: [Int]
  let vocabulary: Int
  let imageSide: Int?
  let transformer: Transformer?
  let tokenizer: Tokenizer?
  let formats: [FormatShare]
  let machine: Machine
  let memory: Memory

  init(_ model: Model, _ context: Compute, batch: Int) throws {
    let configuration = model.configuration
    path = model.path
    bytes = model.file.file.count
    checksum = model.checksumText
    weightsChecksum = model.weightsChecksumText
    about = model.file.metadata.about
    sources = (try? model.file.metadata.stringList("source.sha256")) ?? []
    patchNums =
      configuration.transformer?.patchNumbers ?? configuration.tokenizer?.patchNumbers ?? []
    vocabulary = configuration.transformer?.vocabulary ?? configuration.tokenizer?.vocabulary ?? 0
    imageSide = configuration.tokenizer?.imageSide
    transformer = configuration.transformer.map { shape in
      Transformer(
        depth: shape.depth, width: shape.width, heads: shape.heads, classes: shape.classes,
        classNames: !configuration.classNames.isEmpty, guidance: model.guidance,
        adaln: shape.adaLN.rawValue,
        attention: shape.attention.rawValue, parameters: model.parameters(of: .transformer))
    }
    tokenizer = configuration.tokenizer.map { shape in
      Tokenizer(
        channels: shape.channels, multipliers: shape.multipliers,
        parameters: model.parameters(of: .tokenizer))
    }
    formats = Dictionary(grouping: model.file.tensors, by: \.format.name)
      .map { name, tensors in
        FormatShare(
          format: name, tensors: tensors.count, bytes: tensors.reduce(0) { $0 + $1.bytes.count })
      }.sorted { $0.bytes > $1.bytes }
    machine = Machine(
      cpuLevel: context.level.rawValue, cpuLevels: CPULevel.available.map(\.rawValue),
      compute: context.mode.rawValue, threads: context.pool.threads,
      memoryAvailable: SystemMemory.available)
    let estimate = try MemoryEstimate(model, context, images: batch, guided: true)
    memory = Memory(
      images: batch,
      transformerWeights: estimate.transformerWeights,
      transformerWork: estimate.transformerWork, decoderWeights: estimate.decoderWeights,
      decoderWork: estimate.decoderWork, peak: estimate.peak)
  }
}

extension Model {
  /// Elements of a half's tensors.
  fileprivate func parameters(of half: ModelHalf) -> Int {
    file.tensors.filter { $0.name.hasPrefix(half.rawValue + ".") }.reduce(0) { $0 + $1.count }
  }
}
