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
    capacity = (tokens + 31) / 32 * 32
    let packed = storage == .f32 ? 1 : 2
    let rows = images * heads * capacity
    keys = try FloatBuffer(count: rows * headWidth / packed)
    values = try FloatBuffer(count: rows * ((headWidth + 31) / 32 * 32) / packed)
  }

  /// Width of a layer's output, C = heads · head width.
  package var width: Int { heads * headWidth }

  /// Gives the memory back to the system, to be filled anew.
  package func discard() {
    keys.discard()
    values.discard()
  }

  /// What the kernels take; valid while this object is alive.
  @unsafe var kernelCache: cvar_kv_cache {
    unsafe cvar_kv_cache(
      keys: keys.base, values: values.base, half: storage == .f16, images: images, heads: heads,
      head_width: headWidth, capacity: capacity)
  }
}
