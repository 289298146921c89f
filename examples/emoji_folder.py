"""Make a folder of color pictures to train on: every emoji of the Noto font, 136 × 128 pixels, transparent.

The font is Debian's package fonts-noto-color-emoji (SIL Open Font License); fontTools is in the dev extra.

    python examples/emoji_folder.py emoji/
    poise train gan emoji/ --size 64 --flip
"""

import sys
from pathlib import Path

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")


def write_emoji(folder: Path, font: Path = FONT) -> int:
    """Write one PNG for each glyph that has a bitmap; return how many."""
    from fontTools.ttLib import TTFont

    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for strike in TTFont(font)["CBDT"].strikeData:
        for name, glyph in strike.items():
            (folder / f"{name}.png").write_bytes(glyph.imageData)
            written += 1
    return written


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "emoji")
    if FONT.exists():
        print(f"{write_emoji(folder)} pictures in {folder}")
    else:
        print(f"no font at {FONT}: install the package fonts-noto-color-emoji")
