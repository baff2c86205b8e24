"""What is read: real pictures and counter scenes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import TypeAlias

import cv2

from sight.readers import PEERS, Gray, ours, timed
from sight.truth import judged, tell, wrong
from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph
from terminal.eye import CODE_128_MIN

PICTURE_PX_MAX = 1920
KINDS = {"QR": "qr", "C128": "code128"}
Seen: TypeAlias = tuple[str, str, list[str], dict[str, list[str]]]
"""Of a picture: name, kind, what may be read in it, and what each reader said."""
MISTAKES = {
    "jsqr/182.png": ("qr", ["<ﾃﾞｻﾞｲﾝQR> \r\nｲﾗｽﾄ入りｶﾗｰQRｺｰﾄﾞ\r\nhttp://d-qr.net/ex/ "]),
    "zxing-inverted/datamatrix-0123456789.png": ("none", []),
}
"""Of the pictures' index: two letters of a text stand for the whole; a Data Matrix is no QR code."""
MUST = {
    ("qr", "easy"): (100, 100),
    ("qr", "medium"): (96, 100),
    ("qr", "hard"): (80, 88),
    ("code128", "easy"): (100, 100),
    ("code128", "medium"): (84, 92),
    ("code128", "hard"): (48, 60),
}


def pictures(folder: Path) -> Iterator[tuple[str, str, Gray, list[str]]]:
    """Name, kind, picture and what may be read in it."""
    for line in (folder / "index.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["expect"] is None or row["sym"] == "1D":
            continue
        gray = cv2.imread(str(folder / row["path"]), cv2.IMREAD_GRAYSCALE)
        share = PICTURE_PX_MAX / max(gray.shape)
        if share < 1:
            gray = cv2.resize(gray, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        yield row["path"], KINDS.get(row["sym"], "none"), gray, row["expect"]


def measure_pictures(folder: Path) -> None:
    """As the index says, and with its mistakes put right; under the same rule for all readers."""
    readers = {**PEERS, "eye": ours}
    seen = [
        (name, kind, truths, {who: reader(gray) for who, reader in readers.items()})
        for name, kind, gray, truths in pictures(folder)
    ]
    _tell_pictures(seen, "")
    before = wrong.copy()
    right = [(name, *MISTAKES.get(name, (kind, truths)), said) for name, kind, truths, said in seen]
    _tell_pictures(right, "_put_right")
    wrong.clear()
    wrong.update(before)


def _tell_pictures(seen: list[Seen], which: str) -> None:
    read: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS.values()}
    total: Counter[str] = Counter()
    odd: dict[str, list[str]] = {}
    before = wrong["eye"]
    for name, kind, truths, said in seen:
        total[kind] += 1
        so_far = wrong["eye"]
        hits = {who: judged(who, found, truths) for who, found in said.items()}
        if wrong["eye"] > so_far:
            odd.setdefault("not_as_the_index_says", []).append(name)
        if kind not in read:
            continue
        hits["any_peer"] = any(hits[who] for who in PEERS)
        if hits["any_peer"] and not hits["eye"]:
            odd.setdefault(f"a_peer_alone_{kind}", []).append(name)
        at_counter = kind == "qr" or all(len(text) >= CODE_128_MIN for text in truths)
        hits["eye_at_the_counter"] = hits["eye"] and at_counter
        read[kind].update(who for who, hit in hits.items() if hit)
    for kind, counts in read.items():
        value, must = counts.pop("eye"), counts["any_peer"]
        tell(f"pictures_{kind}{which}", value, "read", of=total[kind], must=must, **counts)
    number = wrong["eye"] - before
    tell(f"pictures_none{which}", number, "wrong in all", of=total["none"], must=0, **odd)


def measure_scenes(seeds: list[int], count: int) -> None:
    readers = {"eye": ours, **PEERS}
    for level in scenes.LEVELS:
        shots = [shot for seed in seeds for shot in scenes.suite(seed, count, level)]
        hits: Counter[tuple[str, str]] = Counter()
        costs: dict[tuple[str, str], list[float]] = {}
        for shot in shots:
            gray = photograph(shot)
            for name, reader in readers.items():
                found, cost = timed(reader, gray)
                hits[shot.kind, name] += judged(name, found, [shot.text])
                costs.setdefault((shot.kind, name), []).append(cost)
        for kind in scenes.KINDS:
            number = sum(shot.kind == kind for shot in shots)
            if not number:
                continue
            shares = {name: round(100 * hits[kind, name] / number, 1) for name in readers}
            spent = {f"{name}_ms": round(median(costs[kind, name]), 1) for name in readers}
            must, beyond = MUST[kind, level]
            tell(
                f"scenes_{kind}_{level}",
                shares.pop("eye"),
                "%",
                of=number,
                must=must,
                beyond=beyond,
                **shares,
                **spent,
            )
