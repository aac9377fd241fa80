import TensorBytes
package import VARModel
package import VARQuant

/// A VAR model, or either half of one, bound to a mapped `.varq` file.
///
/// Immutable: everything that a run changes (KV cache, random numbers, scratch memory) belongs to
/// ``Generator``, ``Evaluator`` and ``ImageCodec``.
package final class Model: Sendable {
  /// The shape of both halves.
  package let configuration: ModelConfiguration
  /// The file that holds the weights.
  package let file: VarqFile
  let transformer: TransformerWeights?
  let tokenizer: TokenizerWeights?

  /// Opens a file and binds all of its tensors.
  /// - Throws: `FileError`, `VarqError`, `ConfigurationFailure`, ``ModelError``.
  package convenience init(path: String) throws { try self.init(file: VarqFile(path)) }

  /// Binds the tensors of an open file, all or nothing.
  /// - Throws: `ConfigurationFailure`, ``ModelError``.
  package init(file: VarqFile) throws {
    let configuration = try ModelConfiguration(file)
    let binder = try TensorBinder(file, configuration)
    self.file = file
    self.configuration = configuration
    transformer = try configuration.transformer.map { try TransformerWeights(binder, $0) }
    tokenizer = try configuration.tokenizer.map { try TokenizerWeights(binder, $0) }
  }

  /// Lets the system take back the memory of the transformer's matrices.
  ///
  /// The file stays mapped: another run reads the pages again.
  package func releaseTransformer() {
    for matrix in transformer?.matrices ?? [] { file.file.release(matrix.bytes) }
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
