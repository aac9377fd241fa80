// swift-tools-version: 6.3
import PackageDescription

/// Every Swift target is built alike: strict memory safety, no warnings, imports that say what they show.
let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("ExistentialAny"),
]

/// A library of ours, which lives in `Sources/NAME` and is tested by `Tests/NAMETests`.
func room(
  _ name: String, _ dependencies: [Target.Dependency] = [], tests: [Target.Dependency] = []
) -> [Target] {
  [
    .target(name: name, dependencies: dependencies, swiftSettings: strict),
    .testTarget(
      name: name + "Tests",
      dependencies: [.target(name: name), "TestSupport"] + dependencies + tests,
      swiftSettings: strict),
  ]
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "var-swift",
  // Atomic and Mutex need it. Linux is what we build and test on; macOS is untried.
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "VAR", targets: ["VAR"]),
    .library(name: "VARConversion", targets: ["VARConversion"]),
    .executable(name: "var-convert", targets: ["var-convert"]),
    .executable(name: "var-run", targets: ["var-run"]),
    .executable(name: "var-eval", targets: ["var-eval"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    // For checksums of gigabytes: its CRC-32 is several times as fast as zlib's.
    .systemLibrary(
      name: "CDeflate", pkgConfig: "libdeflate",
      providers: [.apt(["libdeflate-dev"]), .brew(["libdeflate"])]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CJPEG", pkgConfig: "libjpeg",
      providers: [.apt(["libjpeg62-turbo-dev"]), .brew(["jpeg-turbo"])]),
    .systemLibrary(
      name: "CGIF", pkgConfig: "libgif", providers: [.apt(["libgif-dev"]), .brew(["giflib"])]),
    .systemLibrary(
      name: "CCrypto", pkgConfig: "libcrypto",
      providers: [.apt(["libssl-dev"]), .brew(["openssl@3"])]),
    .target(name: "Platform", swiftSettings: strict),
    .target(
      name: "CVARKernels",
      cSettings: [
        .headerSearchPath("."),
        // A debug build of the kernels would take 118 CPU seconds for a d16 picture instead of 2.7.
        .unsafeFlags(["-O3"], .when(configuration: .debug)),
      ],
      linkerSettings: [.linkedLibrary("m")]),
    .target(name: "CTemporaries"),
    .target(
      name: "CMemoryRefusal", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    // Opened when it is needed, not linked: see openblas.h.
    .target(name: "COpenBLAS", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CImageIO", dependencies: ["CPNG", "CJPEG", "CGIF", "CZlib"]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "TestSupport", "TensorBytes", "SafetensorsIO", "VARQuant", "VARModel", "VARConversion",
        "VARImages", "VAREvaluation", "VAR",
      ],
      path: "Tests/Fuzz/Targets", swiftSettings: strict),
    .testTarget(
      name: "FuzzTests", dependencies: ["TestSupport", "FuzzTargets"], path: "Tests/Fuzz/Replay",
      swiftSettings: strict),
    .executableTarget(
      name: "unfinished-output", dependencies: ["TensorBytes", "CTemporaries"],
      path: "Tests/unfinished-output", swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["TensorBytes"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(
      name: "ModelFixtures",
      dependencies: [
        "TestSupport", "SafetensorsIO", "VARConversion", "VARQuant", "VARModel", "VARImages",
        "VARCore",
      ],
      path: "Tests/ModelFixtures", swiftSettings: strict),
  ]
    + room(
      "TensorBytes", ["Platform", "CCrypto", "CTemporaries"], tests: ["unfinished-output"])
    + room("SafetensorsIO", ["Platform", "TensorBytes", "CZlib", "CDeflate"])
    + room("VARQuant", ["Platform", "TensorBytes", "CVARKernels"])
    + room("VARModel", ["VARQuant"])
    + room("VARCompute", ["Platform", "TensorBytes", "VARQuant", "CVARKernels"])
    + room("VARImages", ["Platform", "TensorBytes", "CImageIO"])
    + room(
      "VARCore",
      ["Platform", "TensorBytes", "VARQuant", "VARModel", "VARCompute", "VARImages"],
      tests: ["ModelFixtures"])
    + room(
      "VAREvaluation",
      [
        "TensorBytes", "SafetensorsIO", "VARQuant", "VARModel", "VARCompute", "VARImages",
        "VARCore",
      ],
      tests: ["ModelFixtures", "VARConversion"])
    + room(
      "VAR", ["TensorBytes", "VARQuant", "VARModel", "VARCompute", "VARImages", "VARCore"],
      tests: ["ModelFixtures"])
    + room(
      "VARSamples",
      [
        "TensorBytes", "SafetensorsIO", "VARQuant", "VARModel", "VARCompute", "VARImages",
        "VARCore",
        "VAR",
      ],
      tests: ["ModelFixtures"])
    + room(
      "VARConversion", ["Platform", "TensorBytes", "SafetensorsIO", "VARQuant", "VARModel"],
      tests: ["VARCompute"])
    + room("LinearAlgebra", ["COpenBLAS"])
    + room(
      "VARScores",
      [
        "LinearAlgebra", "Platform", "TensorBytes", "SafetensorsIO", "VARQuant", "VARCompute",
        "VARImages",
      ])
    + room(
      "VARCalibration",
      [
        "LinearAlgebra", "Platform", "TensorBytes", "VARQuant", "VARModel", "VARCompute",
        "VARImages",
        "VARCore", "VAREvaluation", "VARConversion",
      ],
      tests: ["ModelFixtures"])
    + [
      .target(
        name: "CommandSupport",
        dependencies: [
          "Platform", "TensorBytes", "CTemporaries", "CMemoryRefusal", "VARCompute", argumentParser,
        ],
        swiftSettings: strict),
      .executableTarget(
        name: "var-convert",
        dependencies: [
          "CommandSupport", "TensorBytes", "VARConversion", "VARCalibration", "VARCompute",
          "LinearAlgebra", "SafetensorsIO", "VARQuant", "VARModel",
          argumentParser,
        ],
        swiftSettings: strict),
      .executableTarget(
        name: "var-run",
        dependencies: [
          "CommandSupport", "TensorBytes", "VARQuant", "VARModel", "VARCompute", "VARImages",
          "VARCore", "VAREvaluation", "VAR", "VARSamples",
          argumentParser,
        ],
        swiftSettings: strict),
      .executableTarget(
        name: "var-eval",
        dependencies: [
          "CommandSupport", "LinearAlgebra", "TensorBytes", "SafetensorsIO", "VARCompute",
          "VARQuant",
          "VARScores", argumentParser,
        ],
        swiftSettings: strict),
      .executableTarget(
        name: "kernel-bench", dependencies: ["CVARKernels", "COpenBLAS"],
        path: "Benchmarks/kernel-bench"),
      .testTarget(
        name: "CommandTests",
        dependencies: [
          "TestSupport", "TensorBytes", "CommandSupport", "VARModel", "VARImages", "VARCore",
          "VAR", "var-run", "var-convert", "var-eval",
        ],
        swiftSettings: strict),
    ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .c11
)

// `make docs` alone needs the plugin: nobody else fetches it.
if Context.environment["VAR_DOCUMENTATION"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

// `make fuzz` alone builds the driver: without -fsanitize=fuzzer it has no main.
if Context.environment["VAR_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/driver"))
}
