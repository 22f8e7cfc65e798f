"""A disk of 1 MB that becomes full: requests are refused with 507, nothing dies, and room that is made is used again."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

from served import PROGRAM, address

BODY = {"prompt": "a red circle", "size": "256x256", "num_inference_steps": 1}


def ask(url, method="GET", body=None):
    request = urllib.request.Request(
        url, method=method, data=body and json.dumps(body).encode(), headers={"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@contextlib.contextmanager
def on_small_disk(folder):
    """The server, in a namespace of its own where its folder lies on a small disk in memory."""
    log = open(f"{folder}/log", "w+")
    os.mkdir(f"{folder}/data")
    script = f'mount -t tmpfs -o size=1m none {folder}/data && exec "$@"'
    process = subprocess.Popen(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh",
         PROGRAM, "serve", "demo-image", "--port", "0", "--data", f"{folder}/data"],
        stdout=subprocess.DEVNULL, stderr=log)
    try:
        yield address(process, log.name)
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0, pathlib.Path(log.name).read_text()


def main():
    allowed = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs none /mnt"],
        capture_output=True)
    if allowed.returncode:
        print("this user may not mount a small disk: a full one was not tried")
        return
    with tempfile.TemporaryDirectory() as folder, on_small_disk(folder) as server:
        made, refused = [], 0
        for seed in range(200):
            status, answer = ask(f"{server}/v1/images/generations", "POST", {**BODY, "seed": seed})
            assert status in (200, 507), (status, answer)
            if status == 200:
                made.append(answer["id"])
            else:
                assert answer["error"]["code"] == "storage_full", answer
                refused += 1
            if refused == 20:
                break
        assert refused == 20 and len(made) > 5, (refused, len(made))
        assert urllib.request.urlopen(f"{server}/health").status == 200
        for one in made:
            with urllib.request.urlopen(f"{server}/v1/images/{one}/content", timeout=60) as file:
                assert file.read().endswith(b"IEND\xaeB`\x82"), "a torn file was served"
        for one in made:
            status, answer = ask(f"{server}/v1/images/{one}", "DELETE")
            assert status == 200, (status, answer)
        for seed in range(3):
            status, answer = ask(f"{server}/v1/images/generations", "POST", {**BODY, "seed": seed})
            assert status == 200, (status, answer)
    print(f"a full disk: {len(made)} pictures made, 20 refused, and made again when there was room")


if __name__ == "__main__":
    sys.exit(main())
