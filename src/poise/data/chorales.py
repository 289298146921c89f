"""Bach's chorales, from the MusicXML that music21 brings: which piano keys sound in each sixteenth."""

import math
import zipfile
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

from . import cache

KEYS = 88
VOICES = 4
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
LOWEST = 9  # A0, in semitones above C0
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
KEY_NAMES = tuple(f"{NAMES[(key + LOWEST) % 12]}{(key + LOWEST) // 12}" for key in range(KEYS))

Roll = npt.NDArray[np.uint8]


def kept_chorales(folder: Path) -> dict[str, Roll]:
    """Return what `read_chorales` reads, from the cache when it was read before: parsing takes seconds."""
    stamps = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in _files(folder)]
    key = cache.key_of(str(folder), stamps)
    found = cache.find(key)
    if found is None:
        chorales = read_chorales(folder)
        rows = np.concatenate(list(chorales.values()))[..., np.newaxis, np.newaxis]
        lengths = [(name, len(roll)) for name, roll in chorales.items()]
        found = cache.keep(key, rows.shape, lambda: iter(rows), lambda: {"lengths": lengths})
    names, steps = zip(*found.notes["lengths"], strict=True)
    return dict(zip(names, np.split(found.rows[..., 0, 0], np.cumsum(steps)[:-1]), strict=True))


def read_chorales(folder: Path) -> dict[str, Roll]:
    """Read the scores (.mxl) of a folder that have four parts.

    Returns:
        By name, in the order of the names, which keys sound in each sixteenth, [t, 88] of 0 and 1. Repeats are played
        once.
    """
    chorales = {}
    for file in _files(folder):
        score = _score(file)
        if score.count(b"<part ") == VOICES:
            chorales[file.stem] = read_score(score)
    return chorales


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.mxl"))


def _score(file: Path) -> bytes:
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if not name.startswith(("META", "mimetype"))))


def read_score(score: bytes) -> Roll:
    """Return which keys sound in each sixteenth of a MusicXML score, up to the last note, [t, 88] of 0 and 1."""
    notes = _notes(ElementTree.fromstring(score))
    roll = np.zeros((max(end for _, _, end in notes), KEYS), np.uint8)
    for key, begin, end in notes:
        roll[begin:end, key] = 1
    return roll


def _notes(score: ElementTree.Element) -> list[tuple[int, int, int]]:
    """Return the key of each note, and the sixteenths from which and before which it sounds."""
    notes = []
    parts = score.findall("part")
    divisions = [1] * len(parts)  # of a quarter
    start = Fraction(0)
    for measures in zip(*(part.findall("measure") for part in parts), strict=True):
        ends = []
        for part, measure in enumerate(measures):
            now = start
            for element in measure:
                divisions[part] = int(element.findtext("divisions", divisions[part]))
                duration = Fraction(4 * int(element.findtext("duration", 0)), divisions[part])
                pitch = element.find("pitch")
                if pitch is not None:
                    notes.append((_key(pitch), math.ceil(now), math.ceil(now + duration)))
                now += duration
            ends.append(now)
        start = max(ends)
    return notes


def _key(pitch: ElementTree.Element) -> int:
    octave, alter = int(pitch.findtext("octave", "")), int(pitch.findtext("alter", "0"))
    return 12 * octave + STEPS[pitch.findtext("step", "")] + alter - LOWEST
