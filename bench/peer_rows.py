"""What the log is measured by beside other stores: the programs to run, and the rows of the table.

Values of one round are kept as "STORE.NAME"; bench/run.py has the rounds.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess

SUBJECTS = {"log": "the log"}
PLACEMENTS = {"log": "/dev/shm", "log_in_folder": "the log's folder"}  # of the ring
PEERS = {
    "raw": [],
    "sqlite": ["libsqlite3-dev"],
    "rocksdb": ["librocksdb-dev"],
    "lmdb": ["liblmdb-dev"],
    "redis": ["redis-server"],
    "postgresql": ["postgresql-15", "libpq-dev"],
    "nats": ["nats-server"],
}
NOT_DURABLE = ["nats"]
CHANNELS = {  # what delivers: the pace in us at which it is asked to
    "futex": 200, "log": 200, "log_spin": 10, "redis": 200, "nats": 200}
DELIVERY_TURNS = 3
PROCESSES = 50
PROGRAM_SECONDS_MAX = 900


class Failed(Exception):
    """A program that did not end well; the text says why."""


def read_lines(text):
    return {row["name"]: row["value"] for row in map(json.loads, text.splitlines())}


def run_lines(command):
    """The measurements that a program prints. What it started ends with it."""
    process = subprocess.Popen([str(word) for word in command], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        output, errors = process.communicate(timeout=PROGRAM_SECONDS_MAX)
    except BaseException as stopped:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if not isinstance(stopped, subprocess.TimeoutExpired):
            raise
        raise Failed(f"{command[0]}: not done after {PROGRAM_SECONDS_MAX} s") from stopped
    finally:
        memory = f"/dev/shm/millrace-bench-{process.pid}"
        if os.path.exists(memory):
            os.unlink(memory)
    if process.returncode != 0:
        said = errors.strip().splitlines()
        raise Failed(said[-1] if said else f"ended with {process.returncode}")
    return read_lines(output)


class Stores:
    """Which stores can be measured, and why others cannot."""

    def __init__(self, build):
        self.build = build
        self.settings = run_lines([build / "bench/durable_bench"])
        self.reasons = {
            name: f"not built: {' '.join(packages)} (tools/deps.sh bench)"
            for name, packages in PEERS.items() if name not in self.settings}

    def measure(self, values, program, folder, name, *arguments):
        """Run a program on one store; a store that fails is left out from then on."""
        if name in self.reasons:
            return
        try:
            found = run_lines([self.build / "bench" / program, folder, name, *arguments])
        except Failed as failed:
            if name in SUBJECTS:
                raise
            self.reasons[name] = str(failed)
            return
        finally:
            shutil.rmtree(folder / name, ignore_errors=True)
        self.settings[name] = found.pop("settings", "")
        values.update({f"{name}.{key}": value for key, value in found.items()})


def turned(names, number):
    """Another one first in each round."""
    names = list(names)
    number %= len(names)
    return names[number:] + names[:number]


def measure_durable(stores, folder, options, number, values):
    for name in turned([*PLACEMENTS, *PEERS], number):
        stores.measure(values, "durable_bench", folder, name, options.seconds, PROCESSES)


def measure_delivery(stores, folder, options, number, values):
    turns = []
    for turn in range(DELIVERY_TURNS):  # in turns, so that a noisy moment hits all
        found = {}
        for name, pace_us in turned(CHANNELS.items(), number + turn):
            stores.measure(found, "delivery_bench", folder, name, pace_us,
                           options.deliveries // DELIVERY_TURNS)
        turns.append(found)
    for key in turns[0]:
        values[key] = statistics.median(turn[key] for turn in turns if key in turn)


def measure_async(stores, folder, options, number, values):
    for name in turned(PLACEMENTS, number):
        stores.measure(values, "async_bench", folder, name)


def measure_sustain(stores, folder, options, number, values):
    stores.measure(values, "sustain_bench", folder, "log", options.sustain_seconds,
                   options.paced_seconds, options.sustain_gib)


def measure_open(stores, folder, options, number, values):
    """The long log is made by the first round and kept for the others."""
    path = folder.parent / "long"
    values.update(run_lines([stores.build / "bench/open_bench", path, options.open_records]))


def measure_scan(stores, folder, options, number, values):
    path = folder.parent / "long"
    if not path.exists():
        run_lines([stores.build / "bench/open_bench", path, options.open_records])
    found = run_lines([stores.build / "bench/scan_bench", path])
    values.update({f"warm_{key}": value for key, value in found.items()})


def measure_age(stores, folder, options, number, values):
    values.update(run_lines([stores.build / "bench/age_bench", folder / "age", options.largest]))
    shutil.rmtree(folder / "age")


MEASURES = {
    "durable": measure_durable, "delivery": measure_delivery, "async": measure_async,
    "sustain": measure_sustain, "open": measure_open, "scan": measure_scan, "age": measure_age}


# ---- rows -------------------------------------------------------------------------------------


def fastest_row(r, name, title):
    """Stores have their moments one after the other, so each is compared by its own floor."""
    others = {peer: r.ratio(f"{peer}.single_us_p50", f"{peer}.single_floor_us_p50")
              for peer in PEERS if peer != "raw" and peer not in NOT_DURABLE}
    others = {peer: ratios for peer, ratios in others.items() if ratios}
    best = min(others, key=lambda peer: statistics.median(others[peer]), default=None)
    own = r.ratio(f"{name}.single_us_p50", f"{name}.single_floor_us_p50")
    both = [a / b for a, b in zip(own, others.get(best, []))]
    beside = "no other store was measured" if best is None else (
        f"{best}: {r.show(others[best], 2, ' x')} its floor, "
        f"{r.show(r.values(f'{best}.single_us_p50'), 0, ' us')}")
    return r.at_most(f"the same beside the fastest other store: {title}", 1.0, both, 2, " x", beside,
                     "its multiple of the floor")


def durable_rows(r):
    rows = []
    for name, title in SUBJECTS.items():
        floor = r.show(r.values(f"{name}.single_floor_us_p50"), 0, " us")
        rows.append(r.at_most(
            f"durable append, one caller, p50: {title}", 1.1,
            r.ratio(f"{name}.single_us_p50", f"{name}.single_floor_us_p50"), 2, " x",
            f"append {r.show(r.values(f'{name}.single_us_p50'), 0, ' us')}, p99 "
            f"{r.show(r.values(f'{name}.single_us_p99'), 0, ' us')}; pwrite + fdatasync {floor}",
            "its floor"))
        rows.append(fastest_row(r, name, title))
        for window, aim in ((64, 0.3), (1024, 1.8)):
            key = f"window{window}_records_per_s"
            redis = r.show(r.values(f"redis.{key}", 1e-6), 3, " M/s")
            rows.append(r.at_least(
                f"durable, windows of {window}: {title}", aim, r.values(f"{name}.{key}", 1e-6), 3,
                " M/s", f"pwrite + fdatasync of as many bytes "
                f"{r.show(r.values(f'raw.{key}', 1e-6), 2, ' M/s')}; Redis pipelined {redis}"))
    name = "log"
    rows.append(r.at_least(
        f"durable, {PROCESSES} processes: {SUBJECTS[name]}", 70,
        r.values(f"{name}.crowd_records_per_s", 1e-3), 1, " k/s",
        f"p50 {r.show(r.values(f'{name}.crowd_us_p50'), 0, ' us')}, "
        f"p99 {r.show(r.values(f'{name}.crowd_us_p99'), 0, ' us')}"))
    rows.append(r.at_least(
        f"the same beside Redis with {PROCESSES} clients", 1.7,
        r.ratio(f"{name}.crowd_records_per_s", "redis.crowd_records_per_s"), 2, " x",
        f"Redis always {r.show(r.values('redis.crowd_records_per_s', 1e-3), 1, ' k/s')}"))
    return rows + device_rows(r)


def device_rows(r):
    rows = []
    for name, title in SUBJECTS.items():
        for part, window, aim, what in (
                ("single", 1, 5, "one caller"), ("window64", 64, 8, "windows of 64"),
                ("window1024", 1024, 8, "windows of 1024"),
                ("reopened_single", 1, 5, "one caller, opened anew"),
                ("reopened_window64", 64, 8, "windows of 64, opened anew"),
                ("copied_single", 1, 5, "one caller, after all files were read"),
                ("copied_window64", 64, 8, "windows of 64, after all files were read")):
            def beyond(key, window=window):
                return [(v - window * 256) / 1024 for v in r.values(key)]

            beside = "least " + r.show(beyond(f"{name}.{part}_device_bytes_least"), 1, " KiB")
            if not part.startswith(("reopened", "copied")):
                raw = beyond(f"raw.{part}_device_bytes")
                beside += f"; pwrite + fdatasync {r.show(raw, 1, ' KiB')}"
            rows.append(r.at_most(
                f"device writes a commit beyond the records, {what}: {title}", aim,
                beyond(f"{name}.{part}_device_bytes"), 1, " KiB", beside))
    return rows


def delivery_rows(r):
    rows = []
    rows.append(r.at_most(
        "delivery to a process that spins, p50: the log", 0.4,
        r.values("log_spin.delivery_us_p50"), 2, " us",
        f"p99 {r.show(r.values('log_spin.delivery_us_p99'), 2, ' us')}"))
    for name, title in SUBJECTS.items():
        key = f"{name}.delivery_us_p50"
        rows.append(r.at_most(
            f"delivery to a process that sleeps, p50: {title}", 1.15,
            r.ratio(key, "futex.delivery_us_p50"), 2, " x",
            f"delivery {r.show(r.values(key), 1, ' us')}, raw futex wake "
            f"{r.show(r.values('futex.delivery_us_p50'), 1, ' us')}", "a raw wake"))
        for peer, what in (("redis", "Redis XREADGROUP BLOCK"), ("nats", "NATS push subscription")):
            rows.append(r.at_least(
                f"the same beside {what}: {title}", 5,
                r.ratio(f"{peer}.delivery_us_p50", key), 1, " x",
                f"{peer} {r.show(r.values(f'{peer}.delivery_us_p50'), 1, ' us')}"))
    return rows


def async_rows(r):
    rows = []
    for name, title in SUBJECTS.items():
        rows.append(r.at_most(
            f"append without a sync, one process: {title}", 1.3,
            r.ratio(f"{name}.async_single_ns", f"{name}.async_floor_ns"), 2, " x",
            f"append {r.show(r.values(f'{name}.async_single_ns'), 0, ' ns')}, p99 "
            f"{r.show(r.values(f'{name}.async_timed_ns_p99'), 0, ' ns')}; copy + lock + clock + "
            f"CRC32C {r.show(r.values(f'{name}.async_floor_ns'), 0, ' ns')}", "its floor"))
        rows.append(r.at_least(
            f"the same in batches of 8: {title}", 8,
            [1e3 / v for v in r.values(f"{name}.async_batch8_ns")], 1, " M/s", "-"))
    name = "log"
    rows.append(r.at_least(
        f"the same from four processes together: {SUBJECTS[name]}", 5,
        r.values(f"{name}.async_together_per_s", 1e-6), 1, " M/s",
        f"p99 {r.show(r.values(f'{name}.async_together_ns_p99'), 0, ' ns')}"))
    return rows + placement_rows(r)


def placement_rows(r):
    """The ring in memory, and as a file of the log's folder, which the kernel writes back."""
    rows = []
    for name, place in PLACEMENTS.items():
        rows.append(r.plain(
            f"ring in {place}: append without a sync, p99",
            r.values(f"{name}.async_timed_ns_p99"), 0, " ns",
            f"p50 {r.show(r.values(f'{name}.async_timed_ns_p50'), 0, ' ns')}, durable append p50 "
            f"{r.show(r.values(f'{name}.single_us_p50'), 0, ' us')}, four together "
            f"{r.show(r.values(f'{name}.async_together_per_s', 1e-6), 1, ' M/s')}"))
    return rows


def sustain_rows(r):
    name = "log"
    title = SUBJECTS[name]
    disk = (f"the disk by O_DIRECT "
            f"{r.show(r.values(f'{name}.disk_direct_mib_per_s', 1048576 / 256e6), 1, ' M/s')} of "
            f"256 B, buffered + fdatasync "
            f"{r.show(r.values(f'{name}.disk_buffered_mib_per_s', 1048576 / 256e6), 1, ' M/s')}")
    seconds = r.show(r.values(f"{name}.sustain_seconds"), 0, " s")
    return [
        r.plain(f"sustained while written behind, {seconds}: {title}",
                r.values(f"{name}.sustain_settled_per_s", 1e-6), 2, " M/s", disk),
        r.plain(f"longest append at a pace of 2 M/s: {title}",
                r.values(f"{name}.paced_max_us", 1e-3), 1, " ms",
                f"kept {r.show(r.values(f'{name}.paced_per_s', 1e-6), 2, ' M/s')}; over 1 ms: "
                f"{r.show(r.values(f'{name}.paced_over_1ms'), 0)}"),
        r.at_most(f"records lost, of both: {title}", 0, r.values(f"{name}.sustain_lost"), 0, "",
                  f"read back: {r.show(r.values(f'{name}.sustain_records', 1e-6), 1, ' M')}"),
    ]


def open_rows(r):
    return [
        r.at_most("opening a long log, its files in memory", 100, r.values("open_log_ms"), 0, " ms",
                  "-"),
        r.plain("the same with a state from all records", r.values("open_fold_ms"), 0, " ms", "-"),
        r.plain("the same with a state from a snapshot", r.values("open_snapshot_ms"), 0, " ms",
                "100,000 records behind the snapshot"),
    ]


def scan_rows(r):
    return [r.at_least(
        "scan of that log with all checks", 35, r.values("warm_scan_per_s", 1e-6), 1, " M/s",
        f"CRC32C of the files alone: {r.show(r.values('warm_scan_floor_per_s', 1e-6), 1, ' M/s')}")]


def age_rows(r):
    sizes = sorted(int(name.split("_")[1]) for name in r.rounds[0]
                   if name.startswith("age_") and name.endswith("_ns"))
    if not sizes:
        return []
    costs = ", ".join(f"{size:,}: {r.show(r.values(f'age_{size}_ns'), 0, ' ns')}" for size in sizes)
    return [r.plain(f"append in a log of {sizes[-1]:,} records beside one of {sizes[0]:,}",
                    r.ratio(f"age_{sizes[-1]}_ns", f"age_{sizes[0]}_ns"), 2, " x", costs)]


ROWS = {"durable": durable_rows, "delivery": delivery_rows, "async": async_rows,
        "sustain": sustain_rows, "scan": scan_rows, "open": open_rows, "age": age_rows}


def store_table(r, stores):
    """Every store by the same measures."""
    lines = ["| store | one durable append: p50, p99 | windows of 64 | windows of 1,024 "
             f"| {PROCESSES} processes | device bytes an acknowledgement: one, 64, 1,024 |",
             "|---|---|---|---|---|---|"]
    for name in [*SUBJECTS, *PEERS]:
        if name in stores.reasons:
            lines.append(f"| {name} | {stores.reasons[name]} | | | | |")
            continue
        title = f"{name} (NOT durable)" if name in NOT_DURABLE else name
        crowd = r.show(r.values(f"{name}.crowd_records_per_s", 1e-3), 1, " k/s")
        for row in r.rounds:
            crowd = row.get(f"{name}.crowd", crowd)
        device = ", ".join(r.show(r.values(f"{name}.{part}_device_bytes"), 0)
                           for part in ("single", "window64", "window1024"))
        windows = [r.show(r.values(f"{name}.window{w}_records_per_s", 1e-3), 0, " k/s")
                   for w in (64, 1024)]
        lines.append(
            f"| {title} | {r.show(r.values(f'{name}.single_us_p50'), 0, ' us')}, "
            f"{r.show(r.values(f'{name}.single_us_p99'), 0, ' us')} | {windows[0]} | {windows[1]} "
            f"| {crowd} | {device} |")
    lines.append("")
    others = r.values("raw.background_bytes_per_s", 1 / 1024)
    lines.append(f"Written to that device by others while nothing was measured: "
                 f"{r.show(others, 0, ' KiB/s')}.")
    return lines


def settings_list(stores):
    used = [*PLACEMENTS, *PEERS, "futex"]
    return [f"- {name}: {stores.settings[name]}" for name in used
            if name in stores.settings and name not in stores.reasons]
