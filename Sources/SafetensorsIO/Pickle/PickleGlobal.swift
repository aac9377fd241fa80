internal import TensorBytes

/// The classes and functions that a pickle names, as symbols: none is ever called.
enum PickleGlobal: Equatable {
  /// `collections.OrderedDict`, `collections.Counter`, `collections.defaultdict`, `builtins.dict`.
  case dict(String)
  case set
  case bytearray
  /// `_codecs.encode`, by which protocol 2 writes bytes.
  case encode
  /// Builds something that holds no weights, or that only Python can build: it is named, not built.
  case opaque(String)
  case size
  /// A legacy storage class, which tells the element type.
  case storageType(StoredType)
  case untypedStorage
  case dtype(StoredType)
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
    case .storageType(let type): "storage of \(type.name)"
    case .untypedStorage: "torch.UntypedStorage"
    case .dtype(let type): "dtype \(type.name)"
    case .rebuildTensor: "torch._utils._rebuild_tensor"
    case .rebuildTensorV2: "torch._utils._rebuild_tensor_v2"
    case .rebuildTensorV3: "torch._utils._rebuild_tensor_v3"
    case .rebuildFromType: "torch._tensor._rebuild_from_type_v2"
    case .tensorClass: "torch.Tensor"
    }
  }

  /// The symbol for a name. One that is not known becomes an opaque class; only those are refused
  /// that no trainer saves and whose one purpose is to run something when the file is loaded.
  static func find(_ module: String, _ name: String) throws(PickleError.Reason) -> PickleGlobal {
    let full = module + "." + name
    if let global = byName[full] { return global }
    if module == "torch" || module == "torch.storage" || module == "torch.cuda" {
      if let type = storageTypes[name] { return .storageType(StoredType(type)) }
      if let type = foreignStorages[name] { return .storageType(type) }
    }
    if module == "torch" {
      if let type = dtypes[name] { return .dtype(StoredType(type)) }
      if let type = foreignTypes[name] { return .dtype(type) }
    }
    if hostileModules.contains(module) || hostileNames.contains(full) {
      throw .globalNotAllowed(full)
    }
    return .opaque(full)
  }

  /// Modules that run programs.
  private static let hostileModules: Set<String> = [
    "subprocess", "pty", "runpy", "commands", "webbrowser", "ctypes", "socket", "shutil",
    "importlib", "code", "timeit", "pdb", "bdb", "pip",
  ]

  /// Functions that run programs, or change files.
  private static let hostileNames: Set<String> = {
    let systems = ["os", "posix", "nt", "posixpath"].flatMap { module in
      [
        "system", "popen", "execl", "execle", "execlp", "execv", "execve", "execvp", "execvpe",
        "fork", "spawnl", "spawnv", "spawnve", "spawnvp", "posix_spawn", "posix_spawnp", "remove",
        "unlink", "rmdir", "rename", "kill", "startfile", "putenv",
      ].map { module + "." + $0 }
    }
    let builtins = ["builtins", "__builtin__"].flatMap { module in
      ["eval", "exec", "execfile", "compile", "__import__", "open", "input", "breakpoint"].map {
        module + "." + $0
      }
    }
    return Set(systems + builtins)
  }()

  private static let byName: [String: PickleGlobal] = [
    "collections.OrderedDict": .dict("collections.OrderedDict"),
    "collections.Counter": .dict("collections.Counter"),
    "collections.defaultdict": .dict("collections.defaultdict"),
    "builtins.dict": .dict("dict"), "__builtin__.dict": .dict("dict"),
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

  /// Types whose tensors are listed and hashed, but not read: PyTorch's name, ours, bytes an element.
  private static let foreignTypes: [String: StoredType] = Dictionary(
    uniqueKeysWithValues: [
      ("complex32", "C32", 4), ("chalf", "C32", 4), ("complex64", "C64", 8), ("cfloat", "C64", 8),
      ("complex128", "C128", 16), ("cdouble", "C128", 16), ("float8_e4m3fn", "F8_E4M3", 1),
      ("float8_e5m2", "F8_E5M2", 1), ("float8_e4m3fnuz", "F8_E4M3FNUZ", 1),
      ("float8_e5m2fnuz", "F8_E5M2FNUZ", 1), ("float8_e8m0fnu", "F8_E8M0", 1),
      ("float4_e2m1fn_x2", "F4_X2", 1), ("qint8", "QINT8", 1), ("quint8", "QUINT8", 1),
      ("qint32", "QINT32", 4), ("quint4x2", "QUINT4X2", 1), ("quint2x4", "QUINT2X4", 1),
      ("bits1x8", "BITS1X8", 1), ("bits2x4", "BITS2X4", 1), ("bits4x2", "BITS4X2", 1),
      ("bits8", "BITS8", 1), ("bits16", "BITS16", 2),
    ].map { ($0.0, StoredType(foreign: $0.1, width: $0.2)) })

  private static let foreignStorages: [String: StoredType] = [
    "ComplexHalfStorage": "complex32", "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128", "QInt8Storage": "qint8", "QInt32Storage": "qint32",
    "QUInt8Storage": "quint8", "QUInt4x2Storage": "quint4x2", "QUInt2x4Storage": "quint2x4",
    "Float8_e4m3fnStorage": "float8_e4m3fn", "Float8_e5m2Storage": "float8_e5m2",
  ].compactMapValues { foreignTypes[$0] }
}
