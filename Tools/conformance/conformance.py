"""Every call that OpenAI's client has for images and videos, against a running server."""

import argparse
import asyncio
import base64
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import httpx2
import openai

from served import ROOT, served

SMALL = {"size": "64x64", "extra_body": {"num_inference_steps": 2, "seed": 1}}
PNG, JPEG, WEBP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF"


def client(address, **settings):
    return openai.OpenAI(base_url=f"{address}/v1", **{"api_key": "none", "max_retries": 0, **settings})


def expect_error(kind, code, call):
    try:
        call()
    except kind as error:
        assert error.code == code, (error.code, error.message)
        assert error.request_id and error.request_id.startswith("req_"), error.request_id
        assert error.type, error
        return error
    raise AssertionError(f"{kind.__name__} was expected")


def example(address, program, prompt, name):
    """Runs a program of Examples/Client; its file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, name)
        command = [ROOT / "Examples/Client" / program, prompt, path]
        if program.endswith(".py"):
            command[:0] = [sys.executable, "-W", "ignore"]
        else:
            command.append(address)
        variables = os.environ | {"OPENAI_BASE_URL": f"{address}/v1"}
        subprocess.run(command, check=True, env=variables, stdout=subprocess.DEVNULL)
        return path.read_bytes()


class Images:
    """Cases for a model that makes images."""

    def __init__(self, address):
        self.address, self.client = address, client(address)

    def case_models(self):
        model = self.client.models.list().data[0]
        assert model.id == "demo-image" and self.client.models.retrieve(model.id).id == model.id

    def case_base64(self):
        made = self.client.images.generate(prompt="a red circle", response_format="b64_json", **SMALL)
        assert base64.b64decode(made.data[0].b64_json).startswith(PNG)
        assert made.size == "64x64" and made.output_format == "png" and made.created > 0
        assert made.data[0].revised_prompt == "a red circle" and made.model_extra["seed"] == 1

    def case_url(self):
        made = self.client.images.generate(prompt="a red circle", **SMALL)
        answer = httpx2.get(made.data[0].url)
        assert answer.status_code == 200 and answer.content.startswith(PNG)

    def case_examples(self):
        for program in ("client.py", "image.sh"):
            assert example(self.address, program, 'a "red" \\ circle', "made.png").startswith(PNG), program

    def case_three(self):
        made = self.client.images.generate(prompt="a red circle", n=3, response_format="b64_json", **SMALL)
        assert len({item.b64_json for item in made.data}) == 3

    def case_formats(self):
        for name, begin in (("jpeg", JPEG), ("webp", WEBP)):
            made = self.client.images.generate(
                prompt="a red circle", output_format=name, output_compression=80, response_format="b64_json", **SMALL)
            assert base64.b64decode(made.data[0].b64_json).startswith(begin), name

    def case_stream(self):
        for count in (0, 1, 3):
            stream = self.client.images.generate(
                prompt="a red circle", stream=True, partial_images=count, size="64x64",
                extra_body={"num_inference_steps": 6, "seed": 1})
            events = list(stream)
            assert [event.type for event in events] == \
                ["image_generation.partial_image"] * count + ["image_generation.completed"], events
            assert [event.partial_image_index for event in events[:-1]] == list(range(count))
            usage = events[-1].usage
            assert usage.output_tokens == 16 and usage.total_tokens == usage.input_tokens + 16, usage
            pictures = [base64.b64decode(event.b64_json) for event in events]
            assert all(picture.startswith(PNG) for picture in pictures) and len(set(pictures)) == count + 1
        alone = self.client.images.generate(
            prompt="a red circle", response_format="b64_json", size="64x64",
            extra_body={"num_inference_steps": 6, "seed": 1})
        assert base64.b64decode(alone.data[0].b64_json) == pictures[-1], "previews changed the picture"

    def case_edit(self):
        for files in (io.BytesIO(PNG), [("a.png", PNG), ("b.png", PNG)]):
            expect_error(openai.BadRequestError, "model_cannot_edit",
                         lambda: self.client.images.edit(image=files, prompt="make it blue", mask=io.BytesIO(PNG)))

    def case_errors(self):
        error = expect_error(openai.BadRequestError, "invalid_value",
                             lambda: self.client.images.generate(prompt="a", size="0x0"))
        assert error.param == "size" and error.status_code == 400
        error = expect_error(openai.BadRequestError, "unknown_parameter",
                             lambda: self.client.images.generate(prompt="a", extra_body={"steps": 1}))
        assert error.param == "steps"
        expect_error(openai.NotFoundError, "not_offered",
                     lambda: self.client.chat.completions.create(model="a", messages=[]))
        expect_error(openai.NotFoundError, "not_found", lambda: self.client.videos.retrieve("video_0"))
        expect_error(openai.NotFoundError, "model_not_found", lambda: self.client.models.retrieve("gpt-image-1"))
        expect_error(openai.BadRequestError, "model_not_supported", lambda: self.client.videos.create(prompt="a"))

    def case_raw(self):
        raw = self.client.images.with_raw_response.generate(prompt="a red circle", **SMALL)
        assert raw.headers["x-request-id"].startswith("req_") and "denoise" in raw.headers["server-timing"]
        assert raw.parse().data[0].url
        with self.client.images.with_streaming_response.generate(prompt="a red circle", **SMALL) as response:
            assert response.parse().data[0].url

    def case_async(self):
        async def run():
            asynchronous = openai.AsyncOpenAI(base_url=f"{self.address}/v1", api_key="none", max_retries=0)
            made = await asyncio.gather(*(asynchronous.images.generate(
                prompt="a red circle", response_format="b64_json", size="64x64",
                extra_body={"num_inference_steps": 2, "seed": seed}) for seed in (1, 2, 3, 1)))
            pictures = [answer.data[0].b64_json for answer in made]
            assert pictures[0] == pictures[3] and len(set(pictures)) == 3
            alone = self.client.images.generate(prompt="a red circle", response_format="b64_json", **SMALL)
            assert alone.data[0].b64_json == pictures[0], "a batch changed the picture"
        asyncio.run(run())

    def case_timeout_frees_the_worker(self):
        long = {"size": "256x256", "extra_body": {"num_inference_steps": 900}}
        try:
            client(self.address, timeout=1.5).images.generate(prompt="a red circle", **long)
            raise AssertionError("a timeout was expected")
        except openai.APITimeoutError:
            pass
        start = time.monotonic()
        self.client.images.generate(prompt="a red circle", **SMALL)
        assert time.monotonic() - start < 20, "the worker was not freed"

    def case_retries_give_one_execution(self):
        key = {"extra_headers": {"Idempotency-Key": f"conformance {time.time()}"}}
        patient = client(self.address, timeout=1.0, max_retries=8)
        made = patient.images.generate(
            prompt="a red circle", size="256x256", extra_body={"num_inference_steps": 12}, **key)
        again = self.client.images.generate(
            prompt="a red circle", size="256x256", extra_body={"num_inference_steps": 12}, **key)
        assert made.model_extra["id"] == again.model_extra["id"]


class Busy:
    """Cases for a server that is full."""

    def __init__(self, address):
        self.client = client(address)

    def case_full_queue(self):
        def run():
            try:
                self.client.images.generate(prompt="a", size="128x128", extra_body={"num_inference_steps": 8})
            except openai.OpenAIError as error:
                errors.append(error)
        errors = []
        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors and all(isinstance(error, openai.RateLimitError) for error in errors), errors
        assert all(int(error.response.headers["retry-after"]) >= 1 for error in errors)


class Keys:
    """Cases for a server with keys."""

    def __init__(self, address, key):
        self.address, self.key = address, key

    def case_keys(self):
        expect_error(openai.AuthenticationError, "invalid_api_key", lambda: client(self.address).models.list())
        own = client(self.address, api_key=self.key)
        assert own.models.list().data
        expect_error(openai.PermissionDeniedError, "missing_scope", lambda: own.videos.list())


class Videos:
    """Cases for a model that makes videos."""

    def __init__(self, address, settings):
        self.address, self.client, self.settings = address, client(address), settings

    def create(self, **more):
        return self.client.videos.create(
            prompt=more.pop("prompt", "a red circle"), extra_body={**self.settings, **more})

    def case_example(self):
        assert example(self.address, "client.py", "a red circle", "made.mp4")[4:8] == b"ftyp"

    def case_create(self):
        video = self.create()
        assert video.object == "video" and video.status in ("queued", "in_progress") and video.created_at
        done = self.client.videos.poll(video.id)
        assert done.status == "completed" and done.progress == 100 and done.expires_at, done
        assert done.seconds and done.size
        content = self.client.videos.download_content(video.id)
        assert content.read()[4:8] == b"ftyp" and content.response.headers["content-type"] == "video/mp4"
        assert self.client.videos.download_content(video.id, variant="thumbnail").read().startswith(WEBP)
        assert self.client.videos.download_content(video.id, variant="spritesheet").read().startswith(JPEG)
        remix = self.client.videos.remix(video.id, prompt="a blue circle")
        assert remix.remixed_from_video_id == video.id
        assert self.client.videos.poll(remix.id).status == "completed"
        deleted = self.client.videos.delete(video.id)
        assert deleted.deleted and deleted.object == "video.deleted" and deleted.id == video.id
        expect_error(openai.NotFoundError, "not_found", lambda: self.client.videos.retrieve(video.id))

    def case_create_and_poll(self):
        done = self.client.videos.create_and_poll(prompt="a red circle", extra_body=self.settings)
        assert done.status == "completed"

    def case_list(self):
        ids = [self.create().id for _ in range(5)]
        for order, expected in (("asc", ids), ("desc", ids[::-1])):
            found = [video.id for video in self.client.videos.list(limit=2, order=order)]
            assert [one for one in found if one in ids] == expected, order
        for one in ids:
            self.client.videos.delete(one)

    def case_delete_while_running(self):
        video = self.create(num_inference_steps=500)
        assert self.client.videos.delete(video.id).deleted
        assert self.client.videos.create_and_poll(prompt="a", extra_body=self.settings).status == "completed"

    def case_errors(self):
        error = expect_error(openai.BadRequestError, "invalid_value", lambda: self.create(num_frames=0))
        assert error.param == "num_frames"
        expect_error(openai.NotFoundError, "not_offered",
                     lambda: self.client.videos.edit(prompt="a", video=io.BytesIO(b"x")))
        expect_error(openai.NotFoundError, "not_offered",
                     lambda: self.client.videos.extend(prompt="a", seconds="4", video=io.BytesIO(b"x")))
        expect_error(openai.NotFoundError, "not_found", lambda: self.client.videos.download_content("video_0"))
        expect_error(openai.BadRequestError, "model_not_supported", lambda: self.client.images.generate(prompt="a"))

    def case_nested(self):
        """Objects and lists, which the client flattens into the names of a form."""
        offer = httpx2.get(f"{self.address}/v1/capabilities").json()
        own = {one["name"]: one["default"] for one in offer["extra_params"] if one.get("default") is not None}
        assert own and self.client.videos.poll(self.create(extra_params=own).id).status == "completed"
        picture = {"content": base64.b64encode(PNG).decode(), "role": "first_frame"}
        for more in ({"image_reference": [picture]}, {"image_reference": picture},
                     {"input_reference": {"image_url": "DATA:image/png;base64," + picture["content"]}}):
            # The model takes no image: it was found, and refused under the client's name for it.
            error = expect_error(openai.BadRequestError, "invalid_value", lambda: self.create(**more))
            assert error.param == next(iter(more)), error

    def case_async(self):
        async def run():
            asynchronous = openai.AsyncOpenAI(base_url=f"{self.address}/v1", api_key="none", max_retries=0)
            video = await asynchronous.videos.create_and_poll(prompt="a red circle", extra_body=self.settings)
            assert video.status == "completed"
            assert (await asynchronous.videos.download_content(video.id)).read()[4:8] == b"ftyp"
            assert any([one.id == video.id async for one in asynchronous.videos.list(limit=1)])
        asyncio.run(run())


def run(cases):
    """Runs every case of an object; tells which failed."""
    failed = 0
    for name in [name for name in dir(cases) if name.startswith("case_")]:
        start = time.monotonic()
        try:
            getattr(cases, name)()
            verdict = "ok"
        except Exception:
            traceback.print_exc()
            verdict, failed = "FAILED", failed + 1
        print(f"{type(cases).__name__}.{name[5:]}: {verdict} ({time.monotonic() - start:.1f} s)", flush=True)
    return failed


def key_file(folder):
    """A key for images, and the file that has it."""
    from served import PROGRAM
    made = subprocess.run([PROGRAM, "key", "alice", "--scope", "images"], capture_output=True, text=True, check=True)
    path = f"{folder}/keys"
    with open(path, "w") as file:
        file.write(made.stdout)
    return made.stderr.strip(), path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video-model", help="a checkpoint that makes videos; those cases are left out without one")
    parser.add_argument("--video-settings", default='{"num_frames": 5, "size": "96x96", "num_inference_steps": 2}')
    arguments = parser.parse_args()
    failed = 0
    with served("demo-image") as (address, _):
        failed += run(Images(address))
    with served("demo-image", "--max-waiting", "1") as (address, _):
        failed += run(Busy(address))
    with tempfile.TemporaryDirectory() as folder:
        key, path = key_file(folder)
        with served("demo-image", "--api-keys", path) as (address, _):
            failed += run(Keys(address, key))
    if arguments.video_model:
        import json
        with served(arguments.video_model) as (address, _):
            failed += run(Videos(address, json.loads(arguments.video_settings)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
