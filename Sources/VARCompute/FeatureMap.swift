/// Images as the convolutions take them, [images, height, width, channels] (NHWC), in a part of a
/// ``FloatBuffer``.
///
/// Copies share the buffer. Its bounds are checked when it is made.
@safe package struct FeatureMap {
  /// The buffer that is viewed.
  package let buffer: FloatBuffer
  /// Index of the first element.
  package let offset: Int
  /// Number of images.
  package let images: Int
  /// Rows of pixels.
  package let height: Int
  /// Pixels in a row.
  package let width: Int
  /// Numbers of a pixel.
  package let channels: Int

  /// Views a part of a buffer, which must hold it; every dimension is at least 1.
  package init(
    _ buffer: FloatBuffer, offset: Int = 0, images: Int, height: Int, width: Int, channels: Int
  ) {
    precondition(
      offset >= 0 && images > 0 && height > 0 && width > 0 && channels > 0, "bad feature map")
    precondition(
      offset + images * height * width * channels <= buffer.count,
      "feature map [\(images), \(height), \(width), \(channels)] from \(offset) exceeds the "
        + "buffer's \(buffer.count) elements")
    self.buffer = buffer
    self.offset = offset
    self.images = images
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// Pixels of one image.
  package var pixels: Int { height * width }

  /// All dimensions.
  package var shape: [Int] { [images, height, width, channels] }

  /// Number of elements.
  package var count: Int { images * pixels * channels }

  /// The same numbers as rows of a matrix, [images·height·width, channels]: a 1×1 convolution is
  /// a linear layer on it.
  package var matrix: FloatMatrix {
    FloatMatrix(
      buffer, offset: offset, rows: images * pixels, columns: channels, stride: channels)
  }

  /// The view of one image.
  package func image(_ index: Int) -> FeatureMap {
    precondition(index >= 0 && index < images, "image out of range")
    return FeatureMap(
      buffer, offset: offset + index * pixels * channels, images: 1, height: height, width: width,
      channels: channels)
  }

  /// The numbers in memory of their own.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func copy() throws(ComputeError) -> FeatureMap {
    let copy = FeatureMap(
      try FloatBuffer(count: count), images: images, height: height, width: width,
      channels: channels)
    unsafe copy.start.update(from: start, count: count)
    return copy
  }

  /// The numbers as an array, [images, height, width, channels].
  package var values: [Float] { buffer.array(offset..<offset + count) }

  /// Whether both view overlapping parts of one buffer.
  func overlaps(_ other: FeatureMap) -> Bool {
    buffer === other.buffer && offset < other.offset + other.count
      && other.offset < offset + count
  }

  /// Whether every dimension is the same.
  func hasShape(of other: FeatureMap) -> Bool {
    images == other.images && height == other.height && width == other.width
      && channels == other.channels
  }

  /// The first element; the buffer must be kept alive.
  var start: UnsafeMutablePointer<Float> { unsafe buffer.base + offset }
}
