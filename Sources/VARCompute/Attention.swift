import CVARKernels
internal import Platform

/// How queries and keys are scaled before their product.
package enum QueryScaling: Sendable {
  /// q·factor/max(‖q‖, 1e-12) and k/max(‖k‖, 1e-12), one factor a head;
  /// see ``l2Normalized(scaleMul:)``.
  case l2(factors: FloatVector)
  /// q·factor.
  case plain(factor: Float)

  /// The released models' form: factor exp(min(`scale_mul_1H11`, ln 100)) of each head.
  package static func l2Normalized(scaleMul: [Float]) -> QueryScaling {
    .l2(factors: FloatVector(scaleMul.map { expf(min($0, logf(100))) }))
  }
}

extension Compute {
  /// Scales the queries of `qkv` in place, and stores its keys and values in the cache.
  /// - Parameters:
  ///   - qkv: [images·n, 3C], images one after another; a row is [3, heads, c]. Afterwards its first
  ///     C columns are the queries for ``attention(_:over:keys:limits:into:)``.
  ///   - cache: takes the tokens `position..<position + n` of each image.
  ///   - position: of the first token.
  ///   - scaling: of queries and keys.
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func append(
    _ qkv: FloatMatrix, to cache: KVCache, at position: Int, scaling: QueryScaling
  ) throws(ComputeError) {
    precondition(
      qkv.columns == 3 * cache.width && qkv.rows % cache.images == 0, "shape of the queries")
    let tokens = qkv.rows / cache.images
    precondition(position >= 0 && position + tokens <= cache.capacity, "the cache is too small")
    guard tokens > 0 else { return }
    var kernel = unsafe cache.kernelCache
    let status = unsafe withUnsafePointer(to: &kernel) { kernel in
      var append = unsafe cvar_append()
      unsafe append.level = level.code
      unsafe append.cache = kernel
      unsafe append.qkv = qkv.start
      unsafe append.stride = qkv.stride
      unsafe append.tokens = tokens
      unsafe append.position = position
      switch scaling {
      case .l2(let factors):
        precondition(factors.count == cache.heads, "one factor for each head")
        unsafe append.query_scale = UnsafePointer(factors.base)
      case .plain(let factor):
        unsafe append.plain_scale = factor
      }
      return unsafe cvar_append_run(&append, pool.pool)
    }
    withExtendedLifetime((qkv, cache, scaling)) {}
    try pool.check(status, scratch: 0)
  }

  /// softmax(q·kᵀ)·v over the cached tokens.
  ///
  /// Scores exist for twelve queries of a head at a time; there is no matrix of all queries and keys.
  /// - Parameters:
  ///   - queries: [images·n, C], a row is [heads, c]: the first C columns of
  ///     ``append(_:to:at:scaling:)``'s `qkv`.
  ///   - cache: keys and values.
  ///   - keys: the first tokens of each image that are attended to.
  ///   - limits: for each of the n queries the number of keys that it sees, 1 to `keys`; all when left
  ///     out. With the keys of all scales at once, the end of the query's scale makes attention
  ///     causal by scale.
  ///   - output: [images·n, C].
  /// - Throws: ``ComputeError/outOfMemory(bytes:)``.
  package func attention(
    _ queries: FloatMatrix, over cache: KVCache, keys: Int, limits: [Int32]? = nil,
    into output: FloatMatrix
  ) throws(ComputeError) {
    precondition(
      queries.columns == cache.width && queries.rows % cache.images == 0, "shape of the queries")
    precondition(
      output.columns == cache.width && output.rows == queries.rows, "shape of the output")
    precondition(keys > 0 && keys <= cache.capacity, "keys beyond the cache")
    let count = queries.rows / cache.images
    precondition(
      limits == nil
        || limits?.count == count && limits?.allSatisfy { $0 > 0 && $0 <= keys } == true,
      "one limit for each query, from 1 to the number of keys")
    guard count > 0 else { return }
    var kernel = unsafe cache.kernelCache
    let status = unsafe withUnsafePointer(to: &kernel) { kernel in
      var attention = unsafe cvar_attention()
      unsafe attention.level = level.code
      unsafe attention.cache = kernel
      unsafe attention.query = UnsafePointer(queries.start)
      unsafe attention.query_stride = queries.stride
      unsafe attention.output = output.start
      unsafe attention.output_stride = output.stride
      unsafe attention.queries = count
      unsafe attention.keys = keys
      guard let limits else { return unsafe cvar_attention_run(&attention, pool.pool) }
      return unsafe limits.withUnsafeBufferPointer { limits in
        unsafe attention.limits = limits.baseAddress
        return unsafe cvar_attention_run(&attention, pool.pool)
      }
    }
    withExtendedLifetime((queries, cache, output)) {}
    try pool.check(status, scratch: cvar_attention_scratch(keys, cache.headWidth))
  }
}
