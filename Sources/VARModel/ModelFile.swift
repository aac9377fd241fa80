internal import TensorBytes
package import VARQuant

/// A `.varq` file whose tensors are those of its configuration, all of them and no more.
///
/// The one check that runs before a file is used as a model, by the runtime and by the tools alike.
package struct ModelFile: Sendable {
  /// The open file.
  package let file: VarqFile
  /// The configuration in its metadata, validated.
  package let configuration: ModelConfiguration
  /// The tensors in the order of the manifest, in shape and format as it allows.
  package private(set) var tensors: [(specification: TensorSpecification, tensor: VarqTensor)]
  /// SHA-256 of what decides the model's results: configuration and tensors, but no labels. See
  /// `formats/varq-v1.md`.
  package let weightsChecksum: [UInt8]

  /// Opens a file.
  /// - Throws: `FileError`, `VarqError`, `DigestError`, ``ConfigurationFailure``, ``ModelFileError``.
  package init(_ path: String) throws { try self.init(VarqFile(path)) }

  /// Matches an open file with its manifest.
  /// - Throws: `DigestError`, ``ConfigurationFailure``, ``ModelFileError``.
  package init(_ file: VarqFile) throws {
    self.file = file
    configuration = try ModelConfiguration(file)
    tensors = try TensorManifest(configuration).tensors.map { specification in
      (specification, try Self.tensor(specification, of: file))
    }
    weightsChecksum = try Self.weightsChecksum(configuration, tensors.map(\.tensor))
    // Names are unique in a file and in a manifest: as many, and all of them found, are the same.
    guard tensors.count < file.tensors.count else { return }
    let known = Set(tensors.map { file.index(of: $0.specification.name) })
    for (index, tensor) in file.tensors.enumerated() where !known.contains(index) {
      throw ModelFileError(path: file.path, tensor: tensor.name, problem: .surplus)
    }
  }

  /// Tensors of other files that take the place of this one's, by name.
  private var replacements: [String: VarqTensor] = [:]

  /// The same model but for some tensors, which are another file's of the same configuration.
  /// - Throws: ``ModelFileError`` where the other file's tensor is not what this one's must be.
  package func replacing(
    _ names: Set<String>, from other: VarqFile
  ) throws(ModelFileError) -> ModelFile {
    var model = self
    for (index, (specification, _)) in tensors.enumerated() where names.contains(specification.name)
    {
      let tensor = try Self.tensor(specification, of: other)
      model.replacements[specification.name] = tensor
      model.tensors[index].tensor = tensor
    }
    return model
  }

  /// The tensor of a specification.
  package func tensor(_ specification: TensorSpecification) throws(ModelFileError) -> VarqTensor {
    if let tensor = replacements[specification.name] { return tensor }
    return try Self.tensor(specification, of: file)
  }

  private static func tensor(
    _ specification: TensorSpecification, of file: VarqFile
  ) throws(ModelFileError) -> VarqTensor {
    let name = specification.name
    func failure(_ problem: ModelFileError.Problem) -> ModelFileError {
      ModelFileError(path: file.path, tensor: name, problem: problem)
    }
    guard let tensor = file[name] else { throw failure(.missing) }
    guard tensor.shape == specification.storedShape else {
      throw failure(.shape(expected: specification.storedShape, actual: tensor.shape))
    }
    guard specification.role.allows(tensor.format) else {
      throw failure(.format(tensor.format, role: specification.role))
    }
    return tensor
  }

  private static func weightsChecksum(
    _ configuration: ModelConfiguration, _ tensors: [VarqTensor]
  ) throws -> [UInt8] {
    var unnamed = configuration
    unnamed.classNames = []
    unnamed.guidance = nil
    var bytes = try unnamed.metadata.encoded()
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: " ")
      let line = "\(tensor.name) \(tensor.format.name) \(shape)\n"
      bytes += Array(line.utf8) + tensor.checksum
    }
    return try SHA256Digest.digest(of: bytes)
  }

  /// Bytes of the tensors of some parts.
  package func byteCount(_ isCounted: (TensorSpecification) -> Bool) -> Int {
    tensors.reduce(0) { $0 + (isCounted($1.specification) ? $1.tensor.bytes.count : 0) }
  }
}

/// A tensor of a `.varq` file is not the one that the file's configuration asks for.
package struct ModelFileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong with it.
  package enum Problem: Equatable, Sendable {
    /// A model of this configuration has it, the file doesn't.
    case missing
    /// The file has it, no model of this configuration does.
    case surplus
    /// It has another shape.
    case shape(expected: [Int], actual: [Int])
    /// Its format is not for tensors of its role.
    case format(TensorFormat, role: TensorRole)
  }

  /// The file.
  package let path: String
  /// The tensor's name in the file.
  package let tensor: String
  /// What is wrong with it.
  package let problem: Problem

  /// Describes a tensor that does not fit.
  package init(path: String, tensor: String, problem: Problem) {
    self.path = path
    self.tensor = tensor
    self.problem = problem
  }

  /// The message for the user.
  package var description: String { "\(path): tensor \(tensor) \(text)" }

  private var text: String {
    switch problem {
    case .missing: "is missing; convert the checkpoint again"
    case .surplus: "belongs to no model of this configuration"
    case .shape(let expected, let actual):
      "has the shape \(actual), but the configuration demands \(expected)"
    case .format(let format, let role):
      "(\(role.rawValue)) is \(format.name), which only weights of linear layers and convolutions "
        + "may be"
    }
  }
}
