import Foundation
internal import SafetensorsIO
internal import TensorBytes
internal import VARImages

/// Pictures of one size, in order: `arr_0` of an `.npz` file, an `.npy` file, or a folder of PNG and JPEG
/// files.
package struct PictureSet: Sendable {
  /// The path as it was given.
  package let path: String
  /// Number of pictures.
  package let count: Int
  /// Pixels of a side.
  package let side: Int
  private let source: Source

  private enum Source: Sendable {
    case archive(NumPyFile, NumPyFile.Array)
    case files([String])
  }

  private static let suffixes: Set = ["png", "jpg", "jpeg"]

  /// Opens a set; nil for an `.npz` file that has no `arr_0`, such as one of statistics alone.
  /// - Throws: ``ScoreError``, `NumPyError`, `FileError`, `ImageError`.
  package init?(_ path: String) throws {
    self.path = path
    if Folder.exists(path) {
      let files = try Folder.list(path).filter {
        Self.suffixes.contains(URL(filePath: $0).pathExtension.lowercased())
      }.map { path + "/" + $0 }
      guard let first = files.first else { throw ScoreError.noFiles(path: path) }
      count = files.count
      side = try ImageFile(path: first).image.width
      source = .files(files)
      return
    }
    let file = try NumPyFile(path)
    if !file.arrays.contains(where: { $0.name == "arr_0" || $0.name == "array" }) { return nil }
    let array = try file.array("arr_0")
    guard array.type == .u8, array.shape.count == 4, array.shape[3] == 3,
      array.shape[1] == array.shape[2], array.shape[1] > 0
    else { throw ScoreError.noPictures(path: path, shape: array.shape) }
    count = array.shape[0]
    side = array.shape[1]
    source = .archive(file, array)
  }

  /// The files that are read.
  package var files: [String] {
    switch source {
    case .archive: [path]
    case .files(let files): files
    }
  }

  /// Passes over the pictures in blocks of so many, U8 [n, side, side, 3], the last one smaller.
  /// - Throws: as ``init(_:)``, and what `body` throws.
  package func forEachBlock(of size: Int, _ body: ([UInt8]) throws -> Void) throws {
    let bytes = 3 * side * side
    var block: [UInt8] = []
    switch source {
    case .archive(let file, let array):
      try unsafe file.forEachPiece(of: array, unit: bytes) { piece in
        var start = 0
        while start < piece.count {
          let end = min(piece.count, start + size * bytes - block.count)
          unsafe block.append(contentsOf: piece[start..<end])
          start = end
          if block.count == size * bytes {
            try body(block)
            block.removeAll(keepingCapacity: true)
          }
        }
        return true
      }
    case .files(let files):
      for file in files {
        let image = try ImageFile(path: file).image
        guard image.width == side, image.height == side else {
          throw ScoreError.size(
            path: file, width: image.width, height: image.height, expected: side)
        }
        block += image.pixels
        if block.count == size * bytes {
          try body(block)
          block.removeAll(keepingCapacity: true)
        }
      }
    }
    if !block.isEmpty { try body(block) }
  }
}
