import CVARKernels

/// The keys and values of one attention layer, preallocated for all tokens of all images.
///
/// Filled by ``Compute/append(_:to:at:scaling:)``. Keys are stored transposed in blocks of 32 tokens,
/// [images, heads, tokens/32, c, 32], values [images, heads, tokens, c rounded up to 32]. Memory is
/// taken from the system when it is first written. Not Sendable: a cache belongs to one computation.
@safe package final class KVCache {
  /// How keys and values are stored.
  package enum Storage: Sendable {
    /// Exactly.
    case f32
    /// As IEEE half precision, in half the memory: relative error 5e-4 at most, numbers beyond ±65504
    /// clamped.
    case f16
  }

  /// Number of images; with guidance each counts twice.
  package let images: Int
  /// Number of heads, H.
  package let heads: Int
  /// Channels of a head, c.
  package let headWidth: Int
  /// Tokens that it has room for.
  package let capacity: Int
  /// How keys and values are stored.
  package let storage: Storage
  private let keys: FloatBuffer
  private let values: FloatBuffer

  /// Makes an empty cache; every dimension is at least 1.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package init(
    images: Int, heads: Int, tokens: Int, headWidth: Int, storage: Storage
  ) throws(ComputeError) {
    precondition(images > 0 && heads > 0 && tokens > 0 && headWidth > 0, "empty cache")
    self.images = images
    self.heads = heads
    self.headWidth = headWidth
    self.storage = storage
    capacity = cvar_round_up_32(tokens)
    let counts = Self.counts(images * heads * capacity, headWidth, storage)
    keys = try FloatBuffer(count: counts.keys)
    values = try FloatBuffer(count: counts.values)
  }

  /// Elements of both buffers, in which two f16 numbers share an element.
  private static func counts(
    _ rows: Int, _ headWidth: Int, _ storage: Storage
  ) -> (keys: Int, values: Int) {
    let packed = storage == .f32 ? 1 : 2
    return (rows * headWidth / packed, rows * cvar_round_up_32(headWidth) / packed)
  }

  /// The memory that it may touch, in whole pages.
  package var bytes: Int { keys.bytes + values.bytes }

  /// The memory of a cache of this shape.
  package static func bytes(
    images: Int, heads: Int, tokens: Int, headWidth: Int, storage: Storage
  ) -> Int {
    let counts = counts(images * heads * cvar_round_up_32(tokens), headWidth, storage)
    return FloatBuffer.bytes(count: counts.keys) + FloatBuffer.bytes(count: counts.values)
  }

  /// Width of a layer's output, C = heads · head width.
  package var width: Int { heads * headWidth }

  /// What the kernels take; valid while this object is alive.
  @unsafe var kernelCache: cvar_kv_cache {
    unsafe cvar_kv_cache(
      keys: keys.base, values: values.base, half: storage == .f16, images: images, heads: heads,
      head_width: headWidth, capacity: capacity)
  }
}
