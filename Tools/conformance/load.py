"""What the server itself costs: cheap routes under wrk, and images against the engine alone. For a quiet machine."""

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from served import PROGRAM, served

ROUTES = ["/health", "/v1/models", "/v1/capabilities", "/v1/jobs?limit=20"]
PROMPT, REQUESTS, CLIENTS = "a large red circle", 24, 8


def routes(address):
    """Requests a second and the time of most, over 64 connections that stay open."""
    for route in ROUTES:
        out = subprocess.run(
            ["wrk", "-t1", "-c64", "-d5s", "--latency", address + route], capture_output=True, text=True, check=True).stdout
        rate = re.search(r"Requests/sec:\s+(\S+)", out).group(1)
        median, most = (re.search(rf"^\s+{share}%\s+(\S+)$", out, re.M).group(1) for share in (50, 99))
        errors = re.search(r"Non-2xx.*", out)
        print(f"{route}: {rate} a second, median {median}, p99 {most}{', ' + errors.group() if errors else ''}")


def engine(count):
    """Seconds of an image in a process that does nothing else, with its file and without loading the model."""
    seconds = []
    for seed in range(count):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(
                [PROGRAM, "generate", "--model", "demo-image", "--prompt", PROMPT, "--seed", f"{seed}", "--quiet",
                 "--output", f"{folder}/a.png", "--metrics", f"{folder}/m.json"], check=True)
            with open(f"{folder}/m.json") as file:
                stages = json.load(file)
            seconds.append(stages["text"] + sum(stages["denoise"]) + stages["decode"] + stages["encode"])
    return statistics.median(seconds)


def image(address, seed, more, times):
    body = json.dumps({"prompt": PROMPT, "seed": seed, **more}).encode()
    request = urllib.request.Request(
        f"{address}/v1/images/generations", data=body, headers={"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        answer.read()
        timing = dict(part.split(";dur=") for part in answer.headers["server-timing"].split(", "))
    times.append((float(timing["generation"]) + float(timing["encode"])) / 1000)


def images(address, clients, **more):
    """Seconds an image with some clients of which each asks again and again, and the engine's own seconds of one."""
    times, seeds, lock = [], iter(range(REQUESTS)), threading.Lock()

    def run():
        while True:
            with lock:
                seed = next(seeds, None)
            if seed is None:
                return
            image(address, seed, more, times)

    threads = [threading.Thread(target=run) for _ in range(clients)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.monotonic() - start) / REQUESTS, statistics.mean(times)


def overhead():
    with served("demo-image", "--max-batch-size", "1") as (address, _):
        routes(address)
        image(address, 0, {}, [])
        for clients in (1, CLIENTS):
            alone = engine(5)
            each, own = images(address, clients)
            print(f"{clients} clients: {each:.4f} s an image; its stages and its file {own:.4f} s ({100 * (each / own - 1):+.1f} %),"
                  f" in a process by itself {alone:.4f} s ({100 * (each / alone - 1):+.1f} %)")


def batches():
    """Seconds an image with as many clients, one after another and in batches."""
    for size in ("64x64", "128x128", "256x256"):
        for batch in (1, 2, 4, 8, 1):
            with served("demo-image", "--max-batch-size", f"{batch}") as (address, _):
                images(address, CLIENTS, size=size)
                each, _ = images(address, CLIENTS, size=size)
                print(f"{size}, batches of at most {batch}: {each:.4f} s an image")


def main():
    if sys.argv[1:] == ["batches"]:
        batches()
    elif shutil.which("wrk"):
        overhead()
    else:
        sys.exit("wrk is not installed")


if __name__ == "__main__":
    main()
