"""What a camera's frames cost: an easy code, empty counters, and how soon a clip is read."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, median, quantiles

from sight.readers import Gray, Reader, timed, zbar, zxing
from sight.truth import judged, tell
from terminal.bench import scenes
from terminal.bench.scenes.lens import photograph
from terminal.eye.watch import Watch

FRAMES_A_SECOND = 30


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
    for kind in scenes.KINDS:  # what is loaded late is loaded
        Watch().look(photograph(scenes.plain(1, 1, kind)))
    for seed in seeds:
        for number, shot in enumerate(scenes.suite(seed, count, "easy")):
            gray = photograph(shot)
            for watches in (number % 2 == 0, number % 2 == 1):  # each is the first as often
                if watches:
                    found, cost = timed(watching(), gray)
                    judged("eye", found, [shot.text])
                    costs.append(cost)
                else:
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
