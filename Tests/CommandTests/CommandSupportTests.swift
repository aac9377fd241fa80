import CommandSupport
import TestSupport
import Testing

@Suite struct CommandSupportTests {
  @Test func bytesAreShort() {
    #expect(
      [0, 999, 1000, 12_345, 999_499, 999_500, 1_240_000_000].map(Format.bytes) == [
        "0 B", "999 B", "1.00 kB", "12.3 kB", "999 kB", "1.00 MB", "1.24 GB",
      ])
  }

  @Test func durationsAreShort() {
    #expect(
      [0.416, 9.96, 59.4, 60, 200, 3600, 7500, .nan, -1].map(Format.duration) == [
        "0.42 s", "10 s", "59 s", "1 min 0 s", "3 min 20 s", "1 h 0 min", "2 h 5 min", "unknown",
        "unknown",
      ])
    #expect(Format.count(1, "image") == "1 image")
    #expect(Format.count(0, "image") == "0 images")
  }

  @Test func tablesAlign() {
    var table = TextTable(["scale", "loss"])
    table.add(["0", "12.5"])
    table.add(["10", "3"])
    #expect(table.text == "scale  loss\n0      12.5\n10        3")
  }

  @Test func keysAreInSnakeCaseUnlessTheyHaveAFormOfTheirOwn() throws {
    struct Report: Encodable {
      let imageSide = 1
      let mean = 2
      let names = ["aName": 3]
      enum CodingKeys: String, CodingKey {
        case imageSide
        case mean = "L_mean"
        case names
      }
    }
    let json = try Console.json(Report())
    #expect(
      String(decoding: json, as: UTF8.self)
        == """
        {
          "L_mean" : 2,
          "image_side" : 1,
          "names" : {
            "aName" : 3
          }
        }

        """)
  }
}
