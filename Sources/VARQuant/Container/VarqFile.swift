package import TensorBytes

/// An open `.varq` file: everything but the tensors' contents is validated, once, when it is opened.
///
/// The tensors stay where they are, in the mapped file; see ``defect(of:)`` for their checksums.
package final class VarqFile: Sendable {
  /// The mapped file.
  package let file: MappedFile
  /// The minor version of the format.
  package let minorVersion: Int
  /// Whether a newer program wrote it, of which this one may not understand everything.
  package var isNewer: Bool { minorVersion > VarqLayout.minorVersion }
  /// The metadata, without entries of unknown types.
  package let metadata: Metadata
  /// All tensors in the order of the file.
  package let tensors: [VarqTensor]
  /// SHA-256 of header, metadata and table, and so, through the tensors' checksums, of the content.
  package let checksum: [UInt8]
  /// The end of the tensor table.
  let dataStart: Int
  private let indices: [ByteKey: Int]

  /// Opens and validates a file.
  /// - Throws: ``VarqError``, `FileError`, `DigestError`.
  package convenience init(_ path: String) throws {
    try self.init(MappedFile(path))
  }

  /// Validates a mapped file.
  /// - Throws: ``VarqError``, `DigestError`.
  package init(_ file: MappedFile) throws {
    self.file = file
    do {
      let parser = try VarqParser(file)
      minorVersion = parser.minorVersion
      checksum = parser.checksum
      metadata = try parser.readMetadata()
      tensors = try parser.readTensors()
      dataStart = parser.dataStart
      indices = try VarqParser.indices(of: tensors)
    } catch let defect as VarqDefect {
      throw VarqError(path: file.path, defect: defect)
    } catch let error as ByteReaderError {
      throw VarqError(path: file.path, defect: .entry(error))
    }
  }

  /// Whether a file begins like a `.varq` file, of whatever version.
  /// - Throws: `FileError` if it cannot be opened.
  package static func isRecognized(_ path: String) throws(FileError) -> Bool {
    VarqParser.hasMagic(try MappedFile(path))
  }

  /// The path as it was given.
  package var path: String { file.path }

  /// The tensor of a name, nil if there is none.
  package subscript(name: String) -> VarqTensor? { index(of: name).map { tensors[$0] } }

  /// The place of a tensor in ``tensors``.
  package func index(of name: String) -> Int? { indices[name: name] }
}
