import VARModel

/// Weights of a residual block.
typealias ResidualWeights = ResidualBlock<TensorBinder>
/// Weights of an attention block over the pixels.
typealias AttentionWeights = AttentionBlock<TensorBinder>
/// Weights of one step of encoder or decoder.
typealias ImageStage = VARModel.ImageStage<TensorBinder>
/// Weights of an encoder or a decoder.
typealias ImageNetwork = VARModel.ImageNetwork<TensorBinder>
