"""What the eye reads and what it costs, beside pyzbar, a cascade of pyzbar, and zxing-cpp in the same run.

Counter scenes of any seed, empty counters, clips; real pictures when --pictures names a folder with an
index.jsonl (path, sym "QR" or "C128", expect: list of texts). CPU milliseconds of this process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean, median, quantiles

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import cv2
import numpy as np
import zxingcpp
from pyzbar.pyzbar import ZBarSymbol
from pyzbar.pyzbar import decode as pyzbar

from terminal.bench import scenes
from terminal.bench.scenes.damaged import damaged
from terminal.bench.scenes.lens import photograph
from terminal.bench.scenes.phone import card
from terminal.eye import CODE_128_MIN, read_codes
from terminal.eye.look import Look
from terminal.eye.stages import STAGES
from terminal.eye.watch import Watch

Gray = np.ndarray
Reader = Callable[[Gray], list[str]]
FRAMES_A_SECOND = 30
PICTURE_PX_MAX = 1920
BUDGET_MS = 50
KINDS = {"QR": "qr", "C128": "code128"}
MUST = {
    ("qr", "easy"): (100, 100),
    ("qr", "medium"): (96, 100),
    ("qr", "hard"): (80, 88),
    ("code128", "easy"): (100, 100),
    ("code128", "medium"): (84, 92),
    ("code128", "hard"): (48, 60),
}
wrong: Counter[str] = Counter()
"""Texts that were accepted and not there, by reader, in the whole run."""


def tell(name: str, value: float, unit: str, **more: object) -> None:
    line = {"name": name, "value": round(value, 3), "unit": unit, **more}
    print(json.dumps(line, ensure_ascii=False), flush=True)


# -- the readers ----------------------------------------------------------------------------------------


def ours(gray: Gray) -> list[str]:
    return [code.text for code in read_codes(gray)]


def zxing(gray: Gray) -> list[str]:
    kinds = zxingcpp.BarcodeFormat
    found = zxingcpp.read_barcodes(
        gray,
        formats=zxingcpp.BarcodeFormats([kinds.QRCode, kinds.Code128]),
        text_mode=zxingcpp.TextMode.Plain,
    )
    return [barcode.text for barcode in found]


def zbar(gray: Gray) -> list[str]:
    rows, cols = gray.shape
    symbols = [ZBarSymbol.QRCODE, ZBarSymbol.CODE128]
    found = pyzbar((gray.tobytes(), cols, rows), symbols=symbols)
    return [symbol.data.decode("utf-8", "replace") for symbol in found]


def turned(gray: Gray) -> Gray:
    rows, cols = gray.shape
    side = int((rows + cols) * 0.71)
    turn = cv2.getRotationMatrix2D((cols / 2, rows / 2), 45, 1)
    turn[:, 2] += (side - cols) / 2, (side - rows) / 2
    return cv2.warpAffine(gray, turn, (side, side), borderMode=cv2.BORDER_REPLICATE)


CASCADE: tuple[Callable[[Gray], Gray], ...] = (
    lambda gray: gray,
    lambda gray: cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    lambda gray: 255 - gray,
    lambda gray: cv2.createCLAHE(3.0, (8, 8)).apply(gray),
    lambda gray: cv2.adaptiveThreshold(gray, 255, 0, cv2.THRESH_BINARY, 51, 5),
    lambda gray: cv2.addWeighted(gray, 2.5, cv2.GaussianBlur(gray, (0, 0), 2), -1.5, 0),
    lambda gray: cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    turned,
)


def cascade(gray: Gray) -> list[str]:
    if min(gray.shape) < 2:
        return []
    return next((found for change in CASCADE if (found := zbar(change(gray)))), [])


PEERS: dict[str, Reader] = {"pyzbar": zbar, "pyzbar_cascade": cascade, "zxing_cpp": zxing}


def add_wechat(folder: Path | None) -> None:
    """WeChat's reader, where this OpenCV has it; its models lie in a folder, or it does without."""
    make = getattr(cv2, "wechat_qrcode_WeChatQRCode", None)
    if make is None:
        tell("wechat", 0, "not in this OpenCV")
        return
    parts = ("detect.prototxt", "detect.caffemodel", "sr.prototxt", "sr.caffemodel")
    reader = make(*(str(folder / part) for part in parts)) if folder else make()
    PEERS["wechat"] = lambda gray: [text for text in reader.detectAndDecode(gray)[0] if text]


def timed(reader: Callable[[Gray], object], gray: Gray) -> tuple[list[str], float]:
    began = time.process_time()
    found = reader(gray)
    return found, (time.process_time() - began) * 1000  # type: ignore[return-value]


# -- right and wrong ------------------------------------------------------------------------------------


def plain(text: str) -> str:
    return text.replace("\x1d", "").replace("\r\n", "\n").rstrip("\n\0")


def same(text: str, truth: str) -> bool:
    """Readers guess differently at the character set of what is not ASCII: the ASCII part is compared."""
    text, truth = plain(text), plain(truth)
    if text == truth:
        return True
    skeleton = "".join(letter for letter in truth if " " <= letter <= "~")
    return not truth.isascii() and "".join(c for c in text if " " <= c <= "~") == skeleton


def judged(name: str, found: list[str], truths: list[str]) -> bool:
    """Whether the truth is among what was found; what is no truth is counted as wrong."""
    wrong[name] += any(not any(same(text, truth) for truth in truths) for text in found)
    return any(same(text, truth) for text in found for truth in truths)


# -- real pictures --------------------------------------------------------------------------------------


def pictures(folder: Path) -> Iterator[tuple[str, Gray, list[str]]]:
    for line in (folder / "index.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["expect"] is None or row["sym"] == "1D":
            continue
        gray = cv2.imread(str(folder / row["path"]), cv2.IMREAD_GRAYSCALE)
        share = PICTURE_PX_MAX / max(gray.shape)
        if share < 1:
            gray = cv2.resize(gray, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
        yield KINDS.get(row["sym"], "none"), gray, row["expect"]


def measure_pictures(folder: Path) -> None:
    read: dict[str, Counter[str]] = {}
    total: Counter[str] = Counter()
    for kind, gray, truths in pictures(folder):
        total[kind] += 1
        hits = {name: judged(name, reader(gray), truths) for name, reader in PEERS.items()}
        hits["any_peer"] = any(hits.values())
        found = ours(gray)
        hits["eye"] = judged("eye", found, truths)
        at_counter = kind == "qr" or all(len(text) >= CODE_128_MIN for text in truths)
        hits["eye_at_the_counter"] = hits["eye"] and at_counter
        read.setdefault(kind, Counter()).update(name for name, hit in hits.items() if hit)
    for kind in KINDS.values():
        counts = {name: count for name, count in read.get(kind, Counter()).items() if name != "eye"}
        value = read.get(kind, Counter())["eye"]
        must = counts.get("any_peer", 0)
        tell(f"pictures_{kind}", value, "read", of=total[kind], must=must, **counts)


# -- scenes ---------------------------------------------------------------------------------------------


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


def tell_cost(
    name: str, costs: list[float], peer: list[float], must: float, **more: object
) -> None:
    tell(
        name,
        fmean(costs) / fmean(peer),
        "x zxing_cpp",
        must=must,
        ms=round(fmean(costs), 2),
        p95_ratio=round(quantiles(costs, n=20)[-1] / fmean(peer), 2),
        zxing_cpp_ms=round(fmean(peer), 2),
        frames=len(costs),
        **more,
    )


def measure_easy(seeds: list[int], count: int) -> None:
    """A watch that sees one easy code after another: nothing to track, nothing learned."""
    costs, peer = [], []
    for seed in seeds:
        for shot in scenes.suite(seed, count, "easy"):
            gray = photograph(shot)
            watch = Watch()
            found, cost = timed(lambda gray, watch=watch: [c.text for c in watch.look(gray)], gray)
            judged("eye", found, [shot.text])
            costs.append(cost)
            peer.append(timed(zxing, gray)[1])
    tell_cost("easy_code", costs, peer, 0.6, beyond=0.4)


def measure_empty(seeds: list[int], count: int) -> None:
    """Every frame another counter; then one counter with new noise in every frame."""
    costs, peer, slow = [], [], []
    watch = Watch()
    for seed in seeds:
        for shot in scenes.empty(seed, count):
            gray = photograph(shot)
            found, cost = timed(watch.look, gray)
            judged("eye", [code.text for code in found], [])
            costs.append(cost)
            peer.append(timed(zxing, gray)[1])
            slow.append(timed(zbar, gray)[1])
    slower = round(fmean(slow), 1)
    tell_cost("empty_changed", costs, peer, 1.5, beyond=1.0, p95_must=3, pyzbar_ms=slower)
    calm: list[float] = []
    for shot in scenes.empty(seeds[0], 3):
        watch = Watch()
        noise = [replace(shot, frame=number) for number in range(16)]
        frames = [photograph(each) for each in noise]
        spent = [timed(watch.look, frames[number % 16])[1] for number in range(200)]
        calm += spent[-60:]
    tell_cost("empty_unchanged", calm, peer, 0.1, beyond=0.05)


# -- clips ----------------------------------------------------------------------------------------------


def latency_s(look: Reader, frames: list[Gray], text: str, slower: float) -> float | None:
    """When the code is there, on a processor that is so much slower: always the newest frame is looked at."""
    now = 0.0
    while (number := int(now * FRAMES_A_SECOND)) < len(frames):
        found, cost = timed(look, frames[number])
        now = max(now + cost * slower / 1000, (number + 1) / FRAMES_A_SECOND)
        if text in found:
            return now
    return None


def watching() -> Reader:
    watch = Watch()
    return lambda gray: [code.text for code in watch.look(gray)]


def measure_clips(seed: int, count: int, slower: float) -> None:
    makers = {"eye": watching, "zxing_cpp": lambda: zxing, "pyzbar": lambda: zbar}
    times: dict[str, list[float]] = {name: [] for name in makers}
    for number in range(count):
        shots = list(scenes.clip(seed, number, 45))
        frames = [photograph(shot) for shot in shots]
        for name, make in makers.items():
            seen_s = latency_s(make(), frames, shots[0].text, slower)
            if seen_s is not None:
                times[name].append(seen_s)
    for name in ("clips_read", "clips_latency"):
        is_count = name == "clips_read"
        values = {
            who: len(seen) if is_count else round(1000 * median(seen or [0.0]))
            for who, seen in times.items()
        }
        must = {"must": count, "of": count} if is_count else {"must": 600, "beyond": 500}
        tell(
            name, values.pop("eye"), "clips" if is_count else "ms", slower=slower, **must, **values
        )


# -- size -----------------------------------------------------------------------------------------------

IMPORTS = {
    "peer_set": "import cv2, numpy, requests, gpiozero, luma.oled.device, segno, serial\n"
    "from pyzbar import pyzbar",
    "peer_eye": "import cv2, numpy\nfrom pyzbar import pyzbar",
    "eye_without_opencv": "sys.modules['cv2'] = sys.modules['numpy'] = None\n{frame}",
    "eye_first_code": "{frame}",
    "eye_all_stages": "from terminal.eye import stages\nfrom pyzbar import pyzbar\n{frame}",
}
FRAME = """
import terminal.eye
frame = memoryview(open(sys.argv[1], 'rb').read()).cast('B', (180, 180))
assert terminal.eye.read_codes(frame)
"""
PROBE = """
import sys, time
began = time.process_time()
{work}
spent = (time.process_time() - began) * 1000
status = open('/proc/self/status').read()
print(spent, int(status.split('VmRSS:')[1].split()[0]) / 1024)
"""


def measure_imports(place: Path) -> None:
    """CPU time from a bare interpreter to the first code read, in a process of its own; median of seven."""
    shot = scenes.Scene(seed=1, text="134567890123456789")
    drawn, _, _ = card(shot, 5)
    gray = np.full((180, 180), 255, np.uint8)
    gray[: min(180, len(drawn)), : min(180, len(drawn))] = (drawn[:180, :180] * 255).astype(
        np.uint8
    )
    frame = place / "frame"
    frame.write_bytes(gray.tobytes())
    for name, work in IMPORTS.items():
        program = PROBE.format(work=work.format(frame=FRAME))
        runs = [
            subprocess.run(
                [sys.executable, "-c", program, str(frame)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()
            for _ in range(7)
        ]
        spent, size = (median(float(run[place]) for run in runs) for place in (0, 1))
        tell(f"import_{name}", spent, "ms", rss_mib=round(size, 1))


# -- fuzz -----------------------------------------------------------------------------------------------


def measure_fuzz(seed: int, count: int) -> None:
    """Every stage on its own, and the whole within its budget."""
    errors, times = 0, []
    for gray in damaged(seed, count):
        look = Look(memoryview(gray))
        for name, see in STAGES.items():
            try:
                see(look)
            except Exception as error:
                errors += 1
                print(f"{name}: {gray.shape}: {error!r}", file=sys.stderr)
        began = time.process_time()
        read_codes(gray, budget_ms=BUDGET_MS)
        times.append((time.process_time() - began) * 1000)
    p99 = quantiles(times, n=100)[-1]
    tell("fuzz_exceptions", errors, "exceptions", pictures=count, must=0)
    tell(
        "fuzz_p99",
        p99,
        "ms",
        must=2 * BUDGET_MS,
        budget_ms=BUDGET_MS,
        worst_ms=round(max(times), 1),
    )


# -- plot -----------------------------------------------------------------------------------------------

COLOURS = {
    "eye": "#d62728",
    "zxing_cpp": "#1f77b4",
    "pyzbar_cascade": "#2ca02c",
    "pyzbar": "#999999",
}
WIDE, HIGH, ACROSS = 250, 150, 6


def plot(file: Path, seed: int, count: int) -> None:
    """Share read over each degradation, all readers, as one SVG."""
    charts = []
    for name in scenes.DEGRADATIONS:
        for kind in scenes.KINDS:
            levels = scenes.sweep(seed, count, name, kind)
            if levels:
                charts.append(chart(f"{kind}: {name}", len(charts), swept(levels)))
    rows = -(-len(charts) // ACROSS)
    legend = "".join(
        f'<text x="{10 + 130 * place}" y="16" fill="{colour}">{name}</text>'
        for place, (name, colour) in enumerate(COLOURS.items())
    )
    size = f'width="{ACROSS * WIDE}" height="{rows * HIGH + 30}"'
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">'
        f'<rect width="100%" height="100%" fill="white"/>{legend}{"".join(charts)}</svg>\n'
    )
    tell("plot", len(charts), "charts", scenes_each=count)


def swept(levels: dict[float, list[scenes.Scene]]) -> dict[str, list[tuple[float, float]]]:
    readers = {"eye": ours, **PEERS}
    lines: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    for level, shots in levels.items():
        grays = [(photograph(shot), shot.text) for shot in shots]
        for name, reader in readers.items():
            share = fmean(judged(name, reader(gray), [text]) for gray, text in grays)
            lines[name].append((level, share))
    return lines


def chart(title: str, place: int, lines: dict[str, list[tuple[float, float]]]) -> str:
    left, top = place % ACROSS * WIDE + 30, place // ACROSS * HIGH + 40
    wide, high = WIDE - 50, HIGH - 50
    levels = [level for level, _ in next(iter(lines.values()))]
    step = wide / max(1, len(levels) - 1)
    parts = [
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#ccc"/>',
        f'<text x="{left}" y="{top - 4}">{title}</text>',
        *(
            f'<text x="{left + number * step:.0f}" y="{top + high + 12}" font-size="8" '
            f'text-anchor="middle">{level:g}</text>'
            for number, level in enumerate(levels)
        ),
    ]
    for name, colour in reversed(COLOURS.items()):
        points = " ".join(
            f"{left + number * step:.1f},{top + high * (1 - share):.1f}"
            for number, (_, share) in enumerate(lines[name])
        )
        width = 2.5 if name == "eye" else 1.2
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )
    return "".join(parts)


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
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    add_wechat(asked.wechat)
    seeds = asked.seed or [int.from_bytes(os.urandom(3), "big") for _ in range(2)]
    tell("seeds", len(seeds), "seeds", seeds=seeds)
    for reader in (ours, *PEERS.values()):
        reader(photograph(scenes.empty(1, 1)[0]))  # what is loaded late is loaded
    if asked.pictures:
        measure_pictures(asked.pictures)
    measure_scenes(seeds, asked.scenes)
    measure_easy(seeds, asked.scenes)
    measure_empty(seeds, 2 * asked.scenes)
    if asked.clips:
        measure_clips(seeds[0], asked.clips, asked.slower)
    if asked.fuzz:
        measure_fuzz(seeds[0], asked.fuzz)
    if asked.plot:
        plot(asked.plot, seeds[0], asked.plot_scenes)
    tell("wrong_payloads", wrong["eye"], "wrong", must=0, **{name: wrong[name] for name in PEERS})
    with tempfile.TemporaryDirectory() as place:
        measure_imports(Path(place))


if __name__ == "__main__":
    main()
