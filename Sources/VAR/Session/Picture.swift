import TensorBytes
public import VARCore
public import VARImages
import VARModel

/// A picture that was drawn, with what made it.
public struct Picture: Sendable {
  /// Its pixels.
  public let image: Image
  /// Its tokens, coarse to fine.
  public let tokens: TokenMaps
  /// Its place among the pictures of the request, from 0.
  public let index: Int
  /// Its class; nil for none.
  public let classID: Int?
  /// The name of its class, if it has one.
  public let className: String?
  /// The seed of its random numbers.
  public let seed: UInt64
  private let record: PictureRecord

  init(_ drawn: DrawnPicture, _ record: PictureRecord) {
    image = drawn.image
    tokens = drawn.tokens
    index = drawn.entry.index
    classID = drawn.entry.label.id
    className = record.name
    seed = drawn.entry.seed
    self.record = record
  }

  /// The picture as a PNG file that tells how it was made; `var-run generate --from-png` makes it
  /// again.
  public func png() throws -> [UInt8] { try image.png(record.texts) }

  /// Writes the PNG file, whole or not at all.
  /// - Parameters:
  ///   - path: where it will be; its folder must exist.
  ///   - replacing: whether a file that is there may be replaced.
  /// - Throws: errors of the file; one that exists is an error unless `replacing`.
  public func write(to path: String, replacing: Bool = false) throws {
    let outputs = Outputs(reading: [], replacing: replacing ? .always : .never)
    try outputs.file(path).write(png())
  }
}
