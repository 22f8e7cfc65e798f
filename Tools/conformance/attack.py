"""What attacks on the server's memory cost it: unfinished bodies, images that become large, and jobs that wait."""

import json
import pathlib
import shutil
import socket
import struct
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib

from served import ROOT, served

JSON, MIB = "application/json", 1 << 20


def memory(process, name):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split(f"{name}:")[1].split()[0]) // 1024


def measured(process, name, attack):
    """Runs an attack and tells how far the resident memory rose above what it was before."""
    before = memory(process, "VmRSS")
    pathlib.Path(f"/proc/{process.pid}/clear_refs").write_text("5")
    told = attack()
    print(f"{name}: {memory(process, 'VmHWM') - before} MB more at most, {memory(process, 'VmRSS') - before} MB after; {told}")


def post(address, path, body, kind=JSON):
    request = urllib.request.Request(address + path, data=body, headers={"content-type": kind})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def counts(statuses):
    return ", ".join(f"{statuses.count(status)} times {status}" for status in sorted(set(statuses), key=str))


def unfinished(address, connections=100, size=31 * MIB):
    """Bodies of which the last byte never comes; meanwhile somebody asks for an image."""
    host, port = address.removeprefix("http://").split(":")
    head = f"POST /v1/videos HTTP/1.1\r\nHost: {host}\r\nContent-Type: {JSON}\r\nContent-Length: {size + 1}\r\n\r\n"
    statuses, sockets = [], []

    def send():
        client = socket.create_connection((host, int(port)))
        sockets.append(client)
        client.sendall(head.encode())
        for _ in range(size // MIB):
            client.sendall(bytes([32]) * MIB)
        client.settimeout(1)
        try:
            statuses.append(int(client.recv(4096).split()[1]))
        except TimeoutError:
            statuses.append("unanswered")

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    start = time.monotonic()
    status, _ = post(address, "/v1/videos", b'{"prompt": "a"}')
    seconds = time.monotonic() - start
    for client in sockets:
        client.close()
    return f"{counts(statuses)}; a small request meanwhile: {status} in {1000 * seconds:.0f} ms"


def png(width, height):
    """A black image."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes((3 * width + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def form(files, **fields):
    lines = []
    for name, value in fields.items():
        lines += [b"--b", f'Content-Disposition: form-data; name="{name}"'.encode(), b"", value.encode()]
    for file in files:
        lines += [b"--b", b'Content-Disposition: form-data; name="input_reference"; filename="a.png"', b"", file]
    return b"\r\n".join(lines + [b"--b--", b""]), "multipart/form-data; boundary=b"


def images(address, each, requests):
    body, kind = form([png(8192, 4096)] * each, prompt="a")
    statuses, seconds = [], []

    def ask():
        start = time.monotonic()
        statuses.append(post(address, "/v1/videos", body, kind)[0])
        seconds.append(time.monotonic() - start)

    threads = [threading.Thread(target=ask) for _ in range(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"{len(body) / 1e6:.1f} MB each, {counts(statuses)} within {max(seconds):.1f} s"


def waiting(address, jobs=256):
    body, kind = form([png(2048, 2048)], prompt="a", num_inference_steps="1000")
    return counts([post(address, "/v1/videos", body, kind)[0] for _ in range(jobs)])


def cancel(address):
    with urllib.request.urlopen(f"{address}/v1/jobs?limit=100") as answer:
        jobs = json.load(answer)["data"]
    for job in jobs:
        urllib.request.urlopen(urllib.request.Request(f"{address}/v1/jobs/{job['id']}", method="DELETE")).read()
    return len(jobs)


def main():
    with tempfile.TemporaryDirectory() as folder:
        # The built-in model, told that a video may begin with an image.
        shutil.copytree(ROOT / "Sources/DemoModels/Resources/demo-video", f"{folder}/model")
        index = pathlib.Path(f"{folder}/model/model_index.json")
        index.write_text(json.dumps(json.loads(index.read_text()) | {"expand_timesteps": True}))
        with served(f"{folder}/model", "--max-waiting-per-key", "300", "--log-level", "error") as (address, process):
            measured(process, "100 unfinished bodies of 31 MB", lambda: unfinished(address))
            measured(process, "16 images of 8192x4096 in one request", lambda: images(address, 16, 1))
            measured(process, "one such image in each of 16 requests", lambda: images(address, 1, 16))
            while cancel(address):
                pass
            measured(process, "256 jobs that wait with an image of 2048x2048", lambda: waiting(address))
            while cancel(address):
                pass


if __name__ == "__main__":
    main()
