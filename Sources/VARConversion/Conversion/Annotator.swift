package import TensorBytes
internal import VARModel
internal import VARQuant

/// Gives a `.varq` file other labels: names of the classes, and what people want to say about it.
///
/// The tensors are copied as they are, with their checksums, so that whatever the model computes is
/// the same: ``VARModel/ModelFile/weightsChecksum`` stays.
public struct Annotator {
  private let model: ModelFile
  private var metadata: Metadata

  /// Opens a file.
  /// - Throws: an error that says why the file is no model.
  public init(_ path: String) throws {
    model = try ModelFile(path)
    metadata = model.file.metadata
    guard !model.file.isNewer else {
      throw AnnotationError.newer(path: path, minorVersion: model.file.minorVersion)
    }
  }

  /// The file that is read.
  public var path: String { model.file.path }

  /// Gives the classes other names.
  /// - Parameter path: a text in UTF-8, one name a line.
  /// - Throws: an error that says so if the names are not as many as the classes, or can't be read.
  public mutating func nameClasses(from path: String) throws {
    guard let classes = model.configuration.transformer?.classes else {
      throw ConversionError.noClasses
    }
    var configuration = model.configuration
    configuration.classNames = try ClassNamesFile.names(path, classes: classes)
    metadata.values.merge(configuration.metadata.values) { $1 }
  }

  /// Says something about the model, below `about.`; an empty text takes it back.
  /// - Parameters:
  ///   - key: lower-case letters, digits, `_` and `.`: `name`, `license`, `description`, `url`, or
  ///     whatever one likes.
  ///   - text: what is to be said.
  /// - Throws: an error that says so if the key has other characters.
  public mutating func set(_ key: String, _ text: String) throws {
    let full = Metadata.aboutPrefix + key
    guard !key.isEmpty, Metadata.isKey(full) else { throw AnnotationError.key(key) }
    metadata[full] = text.isEmpty ? nil : .string(text)
  }

  /// Writes the file.
  /// - Parameters:
  ///   - file: where it will be; it appears there when it is complete.
  ///   - progress: is told about every tensor.
  /// - Throws: where a tensor is damaged, or the file cannot be written; nothing remains of it then.
  package func write(
    to file: OutputFile, progress: (ConversionProgress) -> Void = { _ in }
  ) throws {
    var tracker = ConversionProgress(
      phase: .copying, total: model.file.tensors.reduce(0) { $0 + $1.count })
    let writer = try VarqWriter(
      file, metadata: metadata,
      tensors: model.file.tensors.map {
        TensorPlan(name: $0.name, format: $0.format, shape: $0.shape)
      })
    for tensor in model.file.tensors {
      tracker.tensor = tensor.name
      progress(tracker)
      if let defect = try model.file.defect(of: tensor) {
        throw ConversionError.damaged(path: path, defect)
      }
      try writer.append(copying: tensor.bytes, of: model.file)
      tracker.done += tensor.count
    }
    try writer.finish()
  }
}

/// Why a file cannot be relabelled as wanted.
package enum AnnotationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A key has characters that the format does not allow, or is too long.
  case key(String)
  /// The file may hold more than this program knows of.
  case newer(path: String, minorVersion: Int)

  /// The message for the user.
  package var description: String {
    switch self {
    case .key(let key):
      "\"\(key)\" is no key: keys have lower-case letters, digits, _ and ., and at most "
        + "249 characters"
    case .newer(let path, let minorVersion):
      "\(path) was written by a newer program (minor version \(minorVersion)), and might lose "
        + "something: use that program"
    }
  }
}
