"""What is read: real pictures and counter scenes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import cv2

from sight.readers import PEERS, Gray, ours, timed
from sight.truth import judged, tell, wrong
from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph
from terminal.eye import CODE_128_MIN

PICTURE_PX_MAX = 1920
KINDS = {"QR": "qr", "C128": "code128"}
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
    read: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    odd: dict[str, list[str]] = {}
    for name, kind, gray, truths in pictures(folder):
        total[kind] += 1
        hits = {who: judged(who, reader(gray), truths) for who, reader in PEERS.items()}
        hits["any_peer"] = any(hits.values())
        before = wrong["eye"]
        hits["eye"] = judged("eye", ours(gray), truths)
        hits["any_reader"] = hits["any_peer"] or hits["eye"]
        if wrong["eye"] > before:
            odd.setdefault("not_as_the_index_says", []).append(name)
        if hits["any_peer"] and not hits["eye"]:
            odd.setdefault(f"a_peer_alone_{kind}", []).append(name)
        at_counter = kind == "qr" or all(len(text) >= CODE_128_MIN for text in truths)
        hits["eye_at_the_counter"] = hits["eye"] and at_counter
        read.setdefault(kind, Counter()).update(who for who, hit in hits.items() if hit)
    for kind in KINDS.values():
        counts = dict(read.get(kind, Counter()))
        value = counts.pop("eye", 0)
        must = counts.get("any_peer", 0)
        tell(f"pictures_{kind}", value, "read", of=total[kind], must=must, **counts)
    tell("pictures_none", wrong["eye"], "wrong in all pictures", of=total["none"], must=0, **odd)


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
