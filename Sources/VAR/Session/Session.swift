public import VARCompute
public import VARCore
public import VARImages
import VARModel

/// Draws and encodes pictures with one model, one request after another, on a thread of its own.
///
/// Memory is taken with the first request and kept for the next ones. Cancelling the task that waits
/// ends the work within milliseconds, in the middle of an operation, too.
public actor Session {
  /// The model in use.
  public nonisolated let model: Model
  private nonisolated let executor = ThreadExecutor(name: "VAR session")
  private let compute: Compute
  private var engine: PictureEngine?
  private var previewMap: PreviewMap?

  /// Runs the session's work on its own thread, not on those that all tasks share.
  public nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.asUnownedSerialExecutor()
  }

  /// Sets up a session.
  /// - Parameters:
  ///   - model: may be shared by several sessions.
  ///   - mode: how matrices are multiplied; left out, bf16 where the CPU is fast at it, else f32.
  ///   - threads: threads to compute with; left out, the cores that this process may use.
  /// - Throws: an error where the system refuses memory.
  public init(_ model: Model, mode: ComputeMode? = nil, threads: Int? = nil) throws {
    self.model = model
    compute = try Compute(mode: mode, threads: threads ?? ThreadPool.usableCores)
  }

  /// A moment of a request.
  public enum Event: Sendable {
    /// A scale of a picture is done.
    case scale(Scale)
    /// A picture is done.
    case picture(Picture)
  }

  /// A scale that is done.
  public struct Scale: Sendable {
    /// The picture, by its place among those of the request.
    public let picture: Int
    /// The scale, from 0.
    public let scale: Int
    /// Number of scales.
    public let scales: Int
    /// The picture so far, one pixel for each token of the last scale, by a linear map of f̂: some
    /// microseconds, and enough to look at. Nil unless previews were asked for.
    public let preview: Image?
  }

  /// Draws pictures and tells of everything on the way.
  ///
  /// The work begins when it is called, and ends early when nobody listens any more.
  /// - Parameters:
  ///   - request: which pictures to draw.
  ///   - previews: whether scales come with a preview; the first costs a decoding.
  public nonisolated func events(
    for request: Request, previews: Bool = true
  ) -> AsyncThrowingStream<Event, any Error> {
    AsyncThrowingStream { continuation in
      let task = Task {
        do {
          try await draw(request, previews: previews) { continuation.yield($0) }
          continuation.finish()
        } catch {
          continuation.finish(throwing: error)
        }
      }
      continuation.onTermination = { _ in task.cancel() }
    }
  }

  /// Draws the pictures of a request.
  /// - Throws: ``RequestError``, `CancellationError`, and errors of the model.
  public func pictures(for request: Request) throws -> [Picture] {
    var pictures: [Picture] = []
    try draw(request, previews: false) { event in
      if case .picture(let picture) = event { pictures.append(picture) }
    }
    return pictures
  }

  /// Draws one picture: the first of the request.
  /// - Throws: ``RequestError``, `CancellationError`, and errors of the model.
  public func picture(for request: Request) throws -> Picture {
    var single = request
    single.count = 1
    return try pictures(for: single)[0]
  }

  /// Encodes a picture.
  /// - Throws: `ImageError`, `CancellationError`, and errors of the model.
  public func tokenize(_ picture: Image, fit: ImageFit = .crop) throws -> TokenMaps {
    let codec = try readyEngine().codec
    return try codec.encode(picture.fitted(to: codec.side, fit)).tokens
  }

  /// Decodes tokens.
  /// - Throws: errors of tokens that are not this model's, `CancellationError`.
  public func decode(_ tokens: TokenMaps) throws -> Image {
    let codec = try readyEngine().codec
    return try codec.decode(codec.features(of: tokens))
  }

  private func readyEngine() throws -> PictureEngine {
    if let engine { return engine }
    let made = try PictureEngine(model, compute) { Task.isCancelled }
    engine = made
    return made
  }

  private func draw(
    _ request: Request, previews: Bool, _ onEvent: (Event) -> Void
  ) throws {
    let plan = try request.plan(for: model)
    let engine = try readyEngine()
    let edit = try request.edit?.prepared(
      engine.codec, isOfClass: request.command == "edit")
    if previews, previewMap == nil { previewMap = try PreviewMap(engine.codec) }
    try engine.run(plan, edit: edit) { event in
      switch event {
      case .scale(let scale):
        for index in scale.images {
          let preview = previews ? previewMap?.image(of: scale.features(of: index)) : nil
          onEvent(
            .scale(
              Scale(
                picture: index, scale: scale.scale, scales: scale.scales, preview: preview)))
        }
      case .picture(let drawn):
        let record = PictureRecord(
          command: request.command, drawn.entry, of: plan, model, compute, edit: edit)
        onEvent(.picture(Picture(drawn, record)))
      case .allocating, .decoding: break
      }
    }
  }
}
