"""VAR and its multi-scale VQ-VAE in PyTorch: our own small implementation, with the official state-dict names.

    vqvae        encoder, decoder, residual quantizer over token maps of growing size
    transformer  the next-scale transformer, both adaLN forms
    sampling     guidance, top-k, top-p, generation, masked editing
    checkpoint   builds the modules from the shapes of a state dict
    fashion      the data set of the demo model: Fashion-MNIST in six colours
    train_*      training of the demo model
"""
