"""An image, or a video, from a running server, with OpenAI's client.

    pip install openai
    visualgen serve demo-image      # in another terminal; demo-video for videos
    python client.py "a large red circle on a yellow background" circle.png
    python client.py "a small blue circle moving up on a yellow background" circle.mp4

OPENAI_BASE_URL is the server's address, http://localhost:8000/v1 if absent. OPENAI_API_KEY is your key, if the server has
keys. For videos the client warns that OpenAI's own service for them has ended; this server is not concerned.
"""

import base64
import os
import sys

import openai


def make_image(client, prompt, path):
    # What OpenAI has no argument for goes into extra_body.
    made = client.images.generate(
        prompt=prompt, response_format="b64_json", extra_body={"seed": 1, "num_inference_steps": 20})
    with open(path, "wb") as file:
        file.write(base64.b64decode(made.data[0].b64_json))


def make_video(client, prompt, path):
    # A video is a job: ask for it, wait, fetch the file. It goes on if this program ends.
    job = client.videos.create_and_poll(prompt=prompt, extra_body={"seed": 1})
    if job.status != "completed":
        sys.exit(f"the video failed: {job.error.message if job.error else job.status}")
    client.videos.download_content(job.id).write_to_file(path)


def main():
    if len(sys.argv) != 3:
        sys.exit("client.py PROMPT OUTPUT")
    client = openai.OpenAI(
        base_url=os.environ.get("OPENAI_BASE_URL", "http://localhost:8000/v1"),
        api_key=os.environ.get("OPENAI_API_KEY", "none"))
    prompt, path = sys.argv[1:]
    make = make_video if path.endswith(".mp4") else make_image
    try:
        make(client, prompt, path)
    except openai.OpenAIError as error:
        sys.exit(f"{error}")
    print(f"saved {path}")


if __name__ == "__main__":
    main()
