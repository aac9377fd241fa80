import Testing
import VARCore

@Suite struct EditMaskTests {
  private func rows(_ mask: EditMask) -> [String] {
    (0..<mask.side).map { row in
      String((0..<mask.side).map { mask.keep[row * mask.side + $0] == 1 ? "K" : "." })
    }
  }

  /// round(y·p) with halves to even: 0.3·5 = 1.5 → 2, 0.5·5 = 2.5 → 2.
  @Test func boxRoundsHalvesToEven() {
    let inside = EditMask(box: EditBox(0.3, 0.5, 0.9, 1), generateInside: true, side: 5)
    #expect(rows(inside) == ["KKKKK", "KKKKK", "KK...", "KK...", "KKKKK"])
    let outside = EditMask(box: EditBox(0.3, 0.5, 0.9, 1), generateInside: false, side: 5)
    #expect(rows(outside) == [".....", ".....", "..KKK", "..KKK", "....."])
  }

  @Test func boxOutsideThePictureIsLimited() {
    let all = EditMask(box: EditBox(-1, -3, 7, .infinity), generateInside: true, side: 2)
    #expect(rows(all) == ["..", ".."])
    let none = EditMask(box: EditBox(.nan, 0.9, 0.5, 0.1), generateInside: true, side: 2)
    #expect(rows(none) == ["KK", "KK"])
  }

  /// Area mean above one half: half a window is not enough.
  @Test func pictureIsReducedByArea() throws {
    let white: [Float] = [
      1, 1, 1, 0, 0, 0,
      1, 1, 1, 0, 0, 0,
      0, 0, 1, 1, 1, 1,
      0, 0, 0, 0, 1, 1,
    ]
    let mask = try #require(EditMask(generate: white, height: 4, width: 6, side: 2))
    #expect(rows(mask) == [".K", "K."])
    #expect(EditMask(generate: white, height: 4, width: 5, side: 2) == nil)
  }

  @Test func scales() {
    let mask = EditMask(box: EditBox(0, 0, 1, 0.5), generateInside: true, side: 4)
    #expect(mask.keep(atSide: 4) == mask.keep.map { $0 == 1 })
    #expect(mask.keep(atSide: 2) == [false, true, false, true])
    // One token is kept whatever the mask says.
    let everything = EditMask(box: EditBox(0, 0, 1, 1), generateInside: true, side: 4)
    #expect(everything.keep(atSide: 1) == [true])
    #expect(everything.keep(atSide: 2) == [false, false, false, false])
  }
}
