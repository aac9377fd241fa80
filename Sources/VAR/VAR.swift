// What `import VAR` brings besides this module's own: the few values that cross its door.
@_exported public import enum VARCompute.ComputeMode
@_exported public import struct VARCore.CUDADevice
@_exported public import class VARCore.Model
@_exported public import enum VARCore.SeedDevice
@_exported public import struct VARCore.TokenMaps
@_exported public import struct VARImages.Image
@_exported public import enum VARImages.ImageError
@_exported public import enum VARImages.ImageFit
