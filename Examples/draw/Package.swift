// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "draw",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "var-swift", path: "../..")],
  targets: [
    .executableTarget(
      name: "draw", dependencies: [.product(name: "VAR", package: "var-swift")])
  ],
  swiftLanguageModes: [.v6])
