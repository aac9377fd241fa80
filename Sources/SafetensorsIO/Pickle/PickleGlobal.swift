internal import TensorBytes

/// The classes and functions that a pickle may name, as symbols: none is ever called.
enum PickleGlobal: Equatable {
  /// `collections.OrderedDict`, `collections.Counter`, `builtins.dict`.
  case dict(String)
  case set
  case bytearray
  /// `_codecs.encode`, by which protocol 2 writes bytes.
  case encode
  /// Builds something that holds no weights: a device, a complex number, a layout.
  case opaque(String)
  case size
  /// A legacy storage class, which tells the element type.
  case storageType(ElementType)
  case untypedStorage
  case dtype(ElementType)
  case rebuildTensor
  case rebuildTensorV2
  case rebuildTensorV3
  /// `_rebuild_parameter`, `_rebuild_parameter_with_state` and `Parameter` itself.
  case parameter(String)
  case rebuildFromType
  /// The class `torch.Tensor`, an argument of `_rebuild_from_type_v2`.
  case tensorClass

  var name: String {
    switch self {
    case .dict(let name), .opaque(let name), .parameter(let name): name
    case .set: "set"
    case .bytearray: "bytearray"
    case .encode: "_codecs.encode"
    case .size: "torch.Size"
    case .storageType(let type): "storage of \(type.rawValue)"
    case .untypedStorage: "torch.UntypedStorage"
    case .dtype(let type): "dtype \(type.rawValue)"
    case .rebuildTensor: "torch._utils._rebuild_tensor"
    case .rebuildTensorV2: "torch._utils._rebuild_tensor_v2"
    case .rebuildTensorV3: "torch._utils._rebuild_tensor_v3"
    case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
    case .tensorClass: "torch.Tensor"
    }
  }

  /// The symbol for a name, refused unless it is on the list.
  static func find(_ module: String, _ name: String) throws(PickleError.Reason) -> PickleGlobal {
    let full = module + "." + name
    if let global = byName[full] { return global }
    if module == "torch" || module == "torch.storage" || module == "torch.cuda" {
      if let type = storageTypes[name] { return .storageType(type) }
    }
    if module == "torch" {
      if let type = dtypes[name] { return .dtype(type) }
      if unsupportedInTorch.contains(name) { throw .globalNotSupported(full) }
    }
    if module == "torch._utils", unsupportedRebuilds.contains(name) {
      throw .globalNotSupported(full)
    }
    throw .globalNotAllowed(full)
  }

  private static let byName: [String: PickleGlobal] = [
    "collections.OrderedDict": .dict("collections.OrderedDict"),
    "collections.Counter": .dict("collections.Counter"),
    "builtins.set": .set, "__builtin__.set": .set,
    "builtins.frozenset": .set, "__builtin__.frozenset": .set,
    "builtins.bytearray": .bytearray, "__builtin__.bytearray": .bytearray,
    "builtins.complex": .opaque("complex"), "__builtin__.complex": .opaque("complex"),
    "_codecs.encode": .encode,
    "torch.Size": .size,
    "torch.device": .opaque("torch.device"),
    "torch.serialization._get_layout": .opaque("torch.layout"),
    "torch.Tensor": .tensorClass, "torch._tensor.Tensor": .tensorClass,
    "torch.nn.parameter.Parameter": .parameter("torch.nn.parameter.Parameter"),
    "torch.UntypedStorage": .untypedStorage, "torch.storage.UntypedStorage": .untypedStorage,
    "torch._utils._rebuild_tensor": .rebuildTensor,
    "torch._utils._rebuild_tensor_v2": .rebuildTensorV2,
    "torch._utils._rebuild_tensor_v3": .rebuildTensorV3,
    "torch._utils._rebuild_parameter": .parameter("torch._utils._rebuild_parameter"),
    "torch._utils._rebuild_parameter_with_state":
      .parameter("torch._utils._rebuild_parameter_with_state"),
    "torch._tensor._rebuild_from_type_v2": .rebuildFromType,
  ]

  private static let storageTypes: [String: ElementType] = [
    "DoubleStorage": .f64, "FloatStorage": .f32, "HalfStorage": .f16, "BFloat16Storage": .bf16,
    "LongStorage": .i64, "IntStorage": .i32, "ShortStorage": .i16, "CharStorage": .i8,
    "ByteStorage": .u8, "BoolStorage": .bool,
  ]

  private static let dtypes: [String: ElementType] = [
    "float64": .f64, "double": .f64, "float32": .f32, "float": .f32, "float16": .f16,
    "half": .f16, "bfloat16": .bf16, "int64": .i64, "long": .i64, "int32": .i32, "int": .i32,
    "int16": .i16, "short": .i16, "int8": .i8, "uint8": .u8, "bool": .bool,
    "uint16": .u16, "uint32": .u32, "uint64": .u64,
  ]

  /// Known to PyTorch's own restricted loader, but of no use for a VAR.
  private static let unsupportedInTorch: Set<String> = [
    "ComplexFloatStorage", "ComplexDoubleStorage", "ComplexHalfStorage", "QInt8Storage",
    "QInt32Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage", "complex32",
    "complex64", "complex128", "qint8", "qint32", "quint8",
    "quint4x2", "quint2x4", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
    "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2", "bits1x8", "bits2x4", "bits4x2",
    "bits8", "bits16",
  ]

  private static let unsupportedRebuilds: Set<String> = [
    "_rebuild_qtensor", "_rebuild_sparse_tensor", "_rebuild_meta_tensor_no_storage",
    "_rebuild_nested_tensor", "_rebuild_wrapper_subclass", "_rebuild_device_tensor_from_numpy",
    "_rebuild_device_tensor_from_cpu_tensor",
  ]
}
