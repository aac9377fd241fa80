import Testing
import VARCore
import VARImages

@Suite struct EditMaskTests {
  private func rows(_ mask: EditMask) -> [String] {
    (0..<mask.side).map { row in
      String((0..<mask.side).map { mask.generated[row * mask.side + $0] ? "." : "K" })
    }
  }

  /// round(y·p) with halves to even: 0.3·5 = 1.5 → 2, 0.5·5 = 2.5 → 2.
  @Test func boxRoundsHalvesToEven() {
    let inside = EditMask(box: EditBox(0.3, 0.5, 0.9, 1), side: 5)
    #expect(rows(inside) == ["KKKKK", "KKKKK", "KK...", "KK...", "KKKKK"])
    #expect(rows(inside.inverted) == [".....", ".....", "..KKK", "..KKK", "....."])
  }

  @Test func boxOutsideThePictureIsLimited() {
    let all = EditMask(box: EditBox(-1, -3, 7, .infinity), side: 2)
    #expect(rows(all) == ["..", ".."])
    let none = EditMask(box: EditBox(.nan, 0.9, 0.5, 0.1), side: 2)
    #expect(rows(none) == ["KK", "KK"])
  }

  /// Area mean above one half: half a window is not enough.
  @Test func pictureIsReducedByArea() {
    let white: [Float] = [
      1, 1, 1, 0, 0, 0,
      1, 1, 1, 0, 0, 0,
      0, 0, 1, 1, 1, 1,
      0, 0, 0, 0, 1, 1,
    ]
    let mask = EditMask(PixelMask(width: 6, height: 4, generated: white), side: 2)
    #expect(rows(mask) == [".K", "K."])
    #expect(EditMask(side: 2, generated: [true, false, false]) == nil)
  }

  @Test func scales() {
    let mask = EditMask(box: EditBox(0, 0, 1, 0.5), side: 4)
    #expect(mask.generated(atSide: 4) == mask.generated)
    #expect(mask.generated(atSide: 2) == [true, false, true, false])
    // One token is kept whatever the mask says.
    let everything = EditMask(box: EditBox(0, 0, 1, 1), side: 4)
    #expect(everything.generated(atSide: 1) == [false])
    #expect(everything.generated(atSide: 2) == [true, true, true, true])
  }

  /// A box in the middle of 8×8 tokens: what of 4, 2 and 1 a side keeps of it.
  @Test func rulesKeepWhatTheySay() {
    let mask = EditMask(box: EditBox(0.25, 0.25, 0.75, 0.625), side: 8).inverted
    func kept(_ side: Int, _ rule: KeepRule) -> [String] {
      let generated = mask.generated(atSide: side, rule)
      return (0..<side).map { row in
        String(generated[row * side..<(row + 1) * side].map { $0 ? "." : "K" })
      }
    }
    #expect(kept(4, .touched) == ["....", ".KK.", ".KK.", "...."])
    #expect(kept(4, .strict) == ["....", ".K..", ".K..", "...."])
    #expect(kept(2, .touched) == ["KK", "KK"])
    #expect(kept(2, .strict) == ["..", ".."])
    for rule in KeepRule.allCases {
      #expect(mask.generated(atSide: 8, rule) == mask.generated)
      #expect(kept(1, rule) == ["K"])
      #expect(mask.generated(atSide: 4, .official) == mask.generated(atSide: 4))
    }
    // Between token maps whose sides don't divide: a window reaches over every token that it overlaps.
    #expect(kept(3, .touched) == ["KK.", "KK.", "KK."])
  }
}
