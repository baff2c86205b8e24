"""What the eye reads and what it costs, beside pyzbar, a cascade of pyzbar, and zxing-cpp in the same run.

Counter scenes of any seed, empty counters, clips; real pictures when --pictures names a folder with an
index.jsonl (path, sym "QR" or "C128", expect: list of texts). CPU milliseconds of this process. `--only PART`,
which may be given again, for a part alone.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
from sight.costs import measure_clips, measure_easy, measure_empty
from sight.damage import measure_fuzz
from sight.plot import plot
from sight.readers import PEERS, add_wechat, ours
from sight.reading import measure_pictures, measure_scenes
from sight.size import measure_imports
from sight.truth import tell, wrong

from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph

PARTS = ("pictures", "scenes", "easy", "empty", "clips", "fuzz", "plot", "imports")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="folder of real pictures with an index.jsonl")
    parser.add_argument(
        "--seed", type=int, action="append", help="of the scenes; may be given again"
    )
    parser.add_argument("--scenes", type=int, default=12, help="of each level and seed")
    parser.add_argument("--clips", type=int, default=6)
    parser.add_argument("--slower", type=float, default=4, help="the processor of the clips")
    parser.add_argument("--fuzz", type=int, default=200, help="damaged pictures")
    parser.add_argument("--plot", type=Path, help="write an SVG: share read over each degradation")
    parser.add_argument(
        "--plot-scenes", type=int, default=4, help="for each level of a degradation"
    )
    parser.add_argument("--wechat", type=Path, help="folder of WeChat's four model files")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part alone")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    add_wechat(asked.wechat)
    seeds = asked.seed or [int.from_bytes(os.urandom(3), "big") for _ in range(2)]
    tell("seeds", len(seeds), "seeds", seeds=seeds)
    for reader in (ours, *PEERS.values()):
        reader(photograph(scenes.empty(1, 1)[0]))  # what is loaded late is loaded
    for part in asked.only or PARTS:
        measure(part, asked, seeds)
    tell("wrong_payloads", wrong["eye"], "wrong", must=0, **{name: wrong[name] for name in PEERS})


def measure(part: str, asked: argparse.Namespace, seeds: list[int]) -> None:
    if part == "pictures" and asked.pictures:
        measure_pictures(asked.pictures)
    elif part == "scenes":
        measure_scenes(seeds, asked.scenes)
    elif part == "easy":
        measure_easy(seeds, asked.scenes)
    elif part == "empty":
        measure_empty(seeds, 2 * asked.scenes)
    elif part == "clips" and asked.clips:
        measure_clips(seeds[0], asked.clips, asked.slower)
    elif part == "fuzz" and asked.fuzz:
        measure_fuzz(seeds[0], asked.fuzz)
    elif part == "plot" and asked.plot:
        plot(asked.plot, seeds[0], asked.plot_scenes)
    elif part == "imports":
        with tempfile.TemporaryDirectory() as place:
            measure_imports(Path(place))


if __name__ == "__main__":
    main()
