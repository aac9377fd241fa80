/// How a picture of another size is brought to the model's.
public enum ImageFit: String, Equatable, Sendable, CaseIterable {
  /// The shorter edge to 1.125 × the side, then the middle: as the official evaluation does.
  case crop
  /// The longer edge to the side, then black borders: nothing is lost.
  case pad
  /// Refuse a picture that hasn't the size.
  case exact
}

extension Image {
  /// The picture at `side` × `side`; one that has this size already passes untouched.
  /// - Throws: ``ImageError/size(expected:width:height:)`` for `exact` with another size,
  ///   ``ImageError/elongated(width:height:)`` for a thread that cropping would blow up.
  package func fitted(to side: Int, _ fit: ImageFit) throws(ImageError) -> Image {
    if width == side, height == side { return self }
    switch fit {
    case .crop: return try croppedAsEvaluation(side)
    case .pad: return padded(side)
    case .exact: throw .size(expected: side, width: width, height: height)
    }
  }

  /// Shorter edge to round(1.125·side) by Lanczos, the longer in proportion and truncated; then
  /// the centre, its corner at round((edge − side)/2), halves to even.
  private func croppedAsEvaluation(_ side: Int) throws(ImageError) -> Image {
    let short = Int((1.125 * Double(side)).rounded(.toNearestOrEven))
    let long = Self.proportion(short, max(width, height), min(width, height))
    guard short * long <= Self.largestArea else {
      throw .elongated(width: width, height: height)
    }
    let scaled =
      width <= height
      ? resized(width: short, height: long) : resized(width: long, height: short)
    return scaled.cropped(
      x: Int((Double(scaled.width - side) / 2).rounded(.toNearestOrEven)),
      y: Int((Double(scaled.height - side) / 2).rounded(.toNearestOrEven)),
      width: side, height: side)
  }

  /// No intermediate picture has more pixels than may be read from a file.
  private static let largestArea = 64 << 20

  /// a·b/c, truncated.
  private static func proportion(_ a: Int, _ b: Int, _ c: Int) -> Int {
    Int(Double(a * b) / Double(c))
  }

  private func padded(_ side: Int) -> Image {
    let long = max(width, height)
    let scaled = resized(
      width: max(1, Int((Double(width * side) / Double(long)).rounded())),
      height: max(1, Int((Double(height * side) / Double(long)).rounded())))
    var result = Image(
      validWidth: side, height: side, pixels: [UInt8](repeating: 0, count: 3 * side * side))
    result.paste(scaled, x: (side - scaled.width) / 2, y: (side - scaled.height) / 2)
    return result
  }

  /// A part of the picture; what lies outside it is black.
  package func cropped(x: Int, y: Int, width: Int, height: Int) -> Image {
    let width = max(1, width)
    let height = max(1, height)
    var result = Image(
      validWidth: width, height: height, pixels: [UInt8](repeating: 0, count: 3 * width * height))
    result.paste(self, x: -x, y: -y)
    return result
  }
}

extension ImageFile {
  /// The picture at `side` × `side`.
  /// - Throws: ``PictureError``.
  package func fitted(to side: Int, _ fit: ImageFit) throws(PictureError) -> Image {
    do {
      return try image.fitted(to: side, fit)
    } catch {
      throw PictureError(path: name, error: error)
    }
  }
}

/// An error about the size of a picture, with its path.
package struct PictureError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The picture.
  package let path: String
  /// What is wrong with its size.
  package let error: ImageError
  /// The message for the user.
  package var description: String { "\(path): \(error)" }
}
