import TensorBytes
import VARCompute
package import VARModel
package import VARQuant

/// A VAR model, or either half of one, bound to a mapped `.varq` file.
///
/// Immutable: everything that a run changes (KV cache, random numbers, scratch memory) belongs to
/// ``Generator``, ``Evaluator`` and ``ImageCodec``.
public final class Model: Sendable {
  /// The shape of both halves.
  package let configuration: ModelConfiguration
  /// The file that holds the weights.
  package let file: VarqFile
  let transformer: TransformerWeights?
  let tokenizer: TokenizerWeights?
  /// Bytes of the tensors of each part, as they are stored.
  package let byteCounts: [ModelPart: Int]

  /// SHA-256 of configuration and weights, whatever the labels; see `ModelFile.weightsChecksum`.
  package let weightsChecksum: [UInt8]
  /// Bytes of what was read into memory: vectors, positions, the codebook.
  package let heldBytes: Int

  /// Opens a file and binds all of its tensors.
  /// - Throws: `FileError`, `VarqError`, `ConfigurationFailure`, `ModelFileError`.
  public convenience init(path: String) throws { try self.init(file: VarqFile(path)) }

  /// Binds the tensors of an open file, all or nothing.
  /// - Throws: `ConfigurationFailure`, `ModelFileError`.
  package convenience init(file: VarqFile) throws { try self.init(ModelFile(file)) }

  /// Binds the tensors of a file that has been checked, all or nothing.
  package init(_ checked: ModelFile) throws {
    var binder = TensorBinder(checked)
    file = checked.file
    configuration = checked.configuration
    weightsChecksum = checked.weightsChecksum
    transformer = try configuration.transformer.map { try TransformerWeights(&binder, $0) }
    tokenizer = try configuration.tokenizer.map { try TokenizerWeights(&binder, $0) }
    heldBytes =
      binder.vectorBytes + (transformer?.positions.bytes ?? 0) + (tokenizer?.codebook.bytes ?? 0)
    byteCounts = Dictionary(
      ModelPart.allCases.map { part in (part, checked.byteCount { $0.part == part }) },
      uniquingKeysWith: +)
  }

  /// Number of classes; 0 for a model without a transformer.
  public var classes: Int { configuration.transformer?.classes ?? 0 }
  /// Names of the classes in the order of their ids; empty if the file has none.
  public var classNames: [String] { configuration.classNames }
  /// Strength of guidance where none is asked for: what the file says, else the official 1.5.
  public var guidance: Double { SamplingOptions.guidance(of: configuration) }
  /// Side of the pictures in pixels; 0 for a model without a VQ-VAE.
  public var imageSide: Int { configuration.tokenizer?.imageSide ?? 0 }

  /// Lets the system take back the memory of the transformer's matrices.
  ///
  /// The file stays mapped: another run reads the pages again.
  package func releaseTransformer() {
    for matrix in transformer?.matrices ?? [] { matrix.file.release(matrix.bytes) }
  }

  /// Lets the system take back the memory of one block's matrices.
  package func releaseBlock(_ index: Int) {
    guard let block = transformer?.blocks[index] else { return }
    for layer in [block.qkv, block.projection, block.fc1, block.fc2] {
      layer.weight.file.release(layer.weight.bytes)
    }
  }

  /// Checks that the model has what drawing tokens and decoding them takes.
  /// - Throws: ``ModelError/missingHalf(path:half:purpose:)``.
  package func requireBothHalves() throws(ModelError) {
    _ = try transformer(for: "generating")
    _ = try tokenizer(for: "encoding or decoding pictures")
  }

  func transformer(for purpose: String) throws(ModelError) -> TransformerWeights {
    guard let transformer else {
      throw .missingHalf(path: file.path, half: .transformer, purpose: purpose)
    }
    return transformer
  }

  func tokenizer(for purpose: String) throws(ModelError) -> TokenizerWeights {
    guard let tokenizer else {
      throw .missingHalf(path: file.path, half: .tokenizer, purpose: purpose)
    }
    return tokenizer
  }
}
