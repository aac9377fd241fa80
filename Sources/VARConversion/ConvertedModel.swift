internal import TensorBytes
package import VARModel
package import VARQuant

/// A `.varq` file whose tensors are those of its configuration's manifest, all of them and no more.
package struct ConvertedModel: Sendable {
  /// The open file.
  package let file: VarqFile
  /// The configuration in its metadata.
  package let configuration: ModelConfiguration
  /// The tensors in the order of the manifest.
  let tensors: [(specification: TensorSpecification, tensor: VarqTensor)]

  /// Opens a file.
  /// - Throws: `VarqError`, `ConfigurationFailure`,
  ///   ``ConversionError/manifest(path:tensor:problem:)``.
  package init(_ path: String) throws { try self.init(VarqFile(path)) }

  /// Matches an open file with its manifest.
  package init(_ file: VarqFile) throws {
    self.file = file
    configuration = try ModelConfiguration(file)
    let manifest = TensorManifest(configuration).tensors
    func failure(_ tensor: String, _ problem: String) -> ConversionError {
      .manifest(path: file.path, tensor: tensor, problem: problem)
    }
    tensors = try manifest.map { specification in
      let name = specification.name
      guard let tensor = file[name] else { throw failure(name, "is missing") }
      guard tensor.shape == specification.storedShape else {
        throw failure(name, "has the shape \(tensor.shape), not \(specification.storedShape)")
      }
      if tensor.format == .q8 && specification.role != .matrix && specification.role != .convolution
      {
        throw failure(name, "is q8, which only weights of linear layers and convolutions may be")
      }
      return (specification, tensor)
    }
    let known = Set(manifest.map(\.name))
    if let surplus = file.tensors.first(where: { !known.contains($0.name) }) {
      throw failure(surplus.name, "belongs to no model of this configuration")
    }
  }
}
