internal import TensorBytes
internal import VARConversion
internal import VARCore
internal import VARQuant

extension SourceModel {
  /// The model as it can be run: a `.varq` file as it is, checkpoints copied exactly to a file that
  /// has no name and is gone when nobody uses it.
  /// - Parameters:
  ///   - file: beside which the copy is made.
  ///   - room: bytes that the disk must have beside the copy.
  /// - Throws: `OutputError` where the disk has no room, errors of copying.
  func runnable(
    beside file: OutputFile, room: Int, progress: (ConversionProgress) -> Void
  ) throws -> Model {
    if let former {
      try file.checkSpace(for: room)
      return try Model(former)
    }
    let copy = ConversionPlan(exactly: self)
    try file.checkSpace(for: copy.fileSize() + room)
    let model = try Model(
      file: Converter(copy).writeUnnamed(beside: file, progress: progress))
    model.file.file.release(0..<model.file.file.count)
    return model
  }
}
