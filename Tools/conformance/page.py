"""Clicks and types through the server's page in a headless Chromium, and keeps screenshots.

Every check waits for a state, never for a time. What only shows for a moment is counted by observers in the page.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from browser import Browser
from inputs import check_guidance, check_inputs, check_key, check_video
from looks import CARDS, PROBLEM, ask, finished, hidden, look, open_page, reload, size, write
from served import ROOT, served

CHECKPOINTS = ROOT / "Tests/Goldens/checkpoints"


def check_image(browser, address, folder):
    open_page(browser, address)
    assert browser.evaluate("document.activeElement.id") == "prompt", "the prompt has the focus"
    browser.wait("document.getElementById('empty').checkVisibility()")
    assert hidden(browser, "#stage")
    look(browser, folder, "image-empty")
    # Only what this model heeds: no images, no frames, a negative prompt once the guidance uses it.
    assert hidden(browser, "#drops") and hidden(browser, "#field-fps") and hidden(browser, "#field-negative_prompt")
    ask(browser, "a large red circle on a yellow background", num_inference_steps=600, seed=5)
    browser.wait("document.getElementById('stage-state')?.textContent.startsWith('Denoising, step ')", 120)
    browser.wait("document.querySelector('.preview')?.naturalWidth > 0")
    assert browser.evaluate("document.title").endswith("% · VisualGen")
    look(browser, folder, "image-running")
    finished(browser, "a large red circle on a yellow background")
    assert browser.evaluate("window.advanced.size") > 1, "the bar of progress did not move"
    assert browser.evaluate("window.seen.size") >= 1, "no preview was shown"
    assert browser.evaluate("window.said.some((e) => e.startsWith('Finished: a large red'))")
    assert browser.evaluate("document.querySelector('#stage-media img').naturalWidth") == 256
    browser.wait(f"{CARDS}.length === 1 && document.querySelector('.card img')?.naturalWidth > 0")
    assert browser.evaluate("document.querySelector('.card img').src").endswith("variant=thumbnail")
    assert browser.evaluate("document.querySelector('.card img').alt") == "a large red circle on a yellow background"
    assert browser.evaluate("document.title") == "VisualGen"


def check_seed(browser):
    """Seeds beyond the numbers that JavaScript holds go and come back whole."""
    ask(browser, "a seed", seed="9007199254740993", num_inference_steps=1)
    finished(browser, "a seed")
    browser.wait("document.querySelector('.card .detail').textContent.endsWith('seed 9007199254740993')")


def check_several(browser, folder):
    ask(browser, "three of them", n=3, seed="", num_inference_steps=2)
    finished(browser, "three of them")
    assert browser.evaluate("document.querySelectorAll('#stage-media img').length") == 3
    assert browser.evaluate("document.querySelector('.card .badge').textContent") == "3"
    browser.wait("[...document.querySelectorAll('.card img')].every((e) => e.naturalWidth > 0)")
    look(browser, folder, "image-several")
    write(browser, "#field-n", "1")


def check_own_fields(browser):
    """What this model has beyond others is behind "more"; what has no effect yet is not shown."""
    browser.click("#more summary")
    browser.wait("document.getElementById('more').open")
    assert not hidden(browser, "#field-true_cfg_scale") and hidden(browser, "#field-negative_prompt")
    write(browser, "#field-true_cfg_scale", "2")
    browser.wait("document.getElementById('field-negative_prompt').checkVisibility()")
    ask(browser, "with a negative prompt", negative_prompt="a dog")
    finished(browser, "with a negative prompt")
    write(browser, "#field-true_cfg_scale", "1")
    browser.wait("!document.getElementById('field-negative_prompt').checkVisibility()")
    browser.click("#jobs li:first-child .open")
    browser.wait("document.getElementById('view').open")
    settings = browser.evaluate("document.getElementById('settings').innerText")
    assert "a dog" in settings and "True cfg scale" in settings.replace("true", "True"), settings
    browser.press("Escape", 27)
    browser.wait("!document.getElementById('view').open")


def check_refusals(browser, folder):
    """What the server refuses stands beside the field that it names."""
    for name, value in (("num_inference_steps", "5000"), ("seed", "99999999999999999999"), ("sigmas", "1, 7")):
        before = browser.evaluate(f"document.getElementById('field-{name}').value")
        ask(browser, "a", **{name: value})
        browser.wait(f"{PROBLEM.format(name)}.includes('{name}')")
        assert browser.evaluate("document.activeElement.id") == f"field-{name}"
        assert browser.evaluate("document.activeElement.getAttribute('aria-invalid')") == "true"
        assert browser.evaluate("document.getElementById('problem').textContent") == ""
        if name == "num_inference_steps":
            look(browser, folder, "image-refused")
        write(browser, f"#field-{name}", before)
    ask(browser, "  ")
    browser.wait(PROBLEM.format("prompt"))
    browser.click("#size-chips label:last-child")
    browser.wait("document.getElementById('width').checkVisibility()")
    write(browser, "#width", "100000")
    ask(browser, "a")
    browser.wait(f"{PROBLEM.format('size')}.includes('width')")
    browser.click("#size-chips label:first-child")


def check_text(browser):
    """What a user wrote is never read as markup."""
    prompt = "<img src=x onerror=\"window.hacked=1\"><b>bold</b>"
    ask(browser, prompt, num_inference_steps=1)
    finished(browser, prompt)
    browser.click("#jobs li:first-child .open")
    browser.wait("document.getElementById('view').open")
    assert browser.evaluate("document.getElementById('view-title').textContent") == prompt
    assert browser.evaluate("document.querySelector('b') === null && window.hacked === undefined")
    browser.press("Escape", 27)
    browser.wait("!document.getElementById('view').open")


def check_view(browser, folder):
    """The large view by keyboard: arrows, the focus inside, Escape, and the focus back where it was."""
    browser.evaluate("document.querySelector('#jobs li:last-child .open').focus()")
    browser.wait("document.activeElement === document.querySelector('#jobs li:last-child .open')")
    browser.press("Enter", 13)
    browser.wait("document.querySelector('#view[open] img')?.naturalWidth === 256")
    last = "a large red circle on a yellow background"
    assert browser.evaluate("document.getElementById('view-title').textContent") == last
    assert browser.evaluate("document.querySelector('#view-media img').alt") == last
    settings = browser.evaluate(
        "Object.fromEntries([...document.querySelectorAll('#settings dt')].map((e) =>"
        " [e.textContent, e.nextSibling.textContent]))")
    assert settings["Seed"] == "5" and settings["Steps"] == "600" and "Guidance" not in settings, settings
    assert settings["Size"] == "256 × 256" and " s: denoising " in settings["Time"], settings
    assert browser.evaluate("document.getElementById('next').disabled")
    browser.wait("document.getElementById('download').href.includes('/v1/images/')")
    assert browser.evaluate("document.getElementById('download').download") == (
        "a-large-red-circle-on-a-yellow-backgroun-5.png")
    look(browser, folder, "image-view")
    for _ in range(12):
        browser.press("Tab", 9)
        # The body has it while it is at the browser's own controls.
        assert browser.evaluate(
            "document.activeElement === document.body ||"
            " document.getElementById('view').contains(document.activeElement)")
    browser.press("ArrowLeft", 37)
    browser.wait("document.getElementById('view-title').textContent === 'a seed'")
    # Three images of one job are three places.
    for place in (3, 2, 1):
        browser.press("ArrowLeft", 37)
        browser.wait(f"document.getElementById('settings').innerText.includes('{place} of 3')")
    browser.press("ArrowRight", 39)
    browser.wait("document.getElementById('settings').innerText.includes('2 of 3')")
    browser.press("Escape", 27)
    browser.wait("!document.getElementById('view').open")
    browser.wait("document.activeElement === document.querySelector('#jobs li:last-child .open')")


def check_use_again(browser):
    browser.click("#jobs li:last-child .open")
    browser.wait("document.getElementById('view').open")
    browser.click("#again")
    browser.wait("document.activeElement.id === 'prompt'")
    assert browser.evaluate("document.getElementById('prompt').value").startswith("a large red circle")
    assert browser.evaluate("document.getElementById('field-seed').value") == "5"
    assert browser.evaluate("document.getElementById('field-num_inference_steps').value") == "600"
    assert browser.evaluate("document.querySelector('[name=size]:checked').value") == "256x256"
    browser.click("#random")
    assert browser.evaluate("document.getElementById('field-seed').value") == ""


def check_delete(browser):
    count = browser.evaluate(f"{CARDS}.length")
    browser.click("#jobs li:first-child .open")
    browser.wait("document.getElementById('view').open")
    title = browser.evaluate("document.getElementById('view-title').textContent")
    browser.click("#delete")
    assert browser.evaluate("document.getElementById('delete').textContent") == "Delete for good"
    browser.click("#delete")
    browser.wait(f"{CARDS}.length === {count - 1}")
    browser.wait(f"document.getElementById('view-title').textContent !== {json.dumps(title)}")
    browser.click("#close")


def check_queue(browser):
    """What waits is told its place, and both can be called off."""
    for number in (1, 2):
        ask(browser, f"long {number}", num_inference_steps=900 + number)
        browser.wait(f"document.querySelector('.card .prompt').textContent === 'long {number}'")
    browser.wait(
        "[...document.querySelectorAll('.card .detail')].some((e) => e.textContent === 'waiting, number 1 in line')")
    browser.wait("document.querySelector('#stage .prompt').textContent === 'long 1'")
    count = browser.evaluate(f"{CARDS}.length")
    for number in (2, 1):
        browser.click(f"[aria-label=\"Cancel: long {number}\"]")
        browser.wait(f"{CARDS}.length === {count - 3 + number}")
    browser.wait("document.querySelector('#stage .cancel') === null")


def check_failure(browser):
    """A job that failed says why, in the list and in the large view."""
    browser.evaluate(
        "window.stopped = new AbortController(); fetch('/v1/images/generations', { method: 'POST', signal:"
        " window.stopped.signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt:"
        " 'stopped', num_inference_steps: 900 }) }).catch(() => {}); 0")
    browser.wait("document.querySelector('.card[data-status=in_progress] .prompt')?.textContent === 'stopped'")
    browser.evaluate("window.stopped.abort()")
    browser.wait("document.querySelector('.card[data-status=failed] .detail')?.textContent.includes('called off')")
    browser.click(".card[data-status=failed] .open")
    browser.wait("document.querySelector('#view-media .problem')?.textContent.includes('called off')")
    assert hidden(browser, "#download") and not hidden(browser, "#again")
    browser.press("Escape", 27)


def check_pages(browser, folder):
    """The list comes in pages, and a look at the newest ones leaves the older ones where they are."""
    browser.evaluate("""Promise.all(Array.from({ length: 26 }, (_, number) => fetch('/v1/images/generations', {
  method: 'POST', headers: { 'content-type': 'application/json', prefer: 'respond-async' },
  body: JSON.stringify({ prompt: `small ${number}`, size: '64x64', num_inference_steps: 1 }) })))
  .then((answers) => answers.every(({ status }) => status === 202))""")
    browser.wait("fetch('/v1/jobs?limit=100').then((e) => e.json()).then(({ data }) => data.every(({ status }) =>"
                 " ['completed', 'failed'].includes(status)))", 120)
    reload(browser)
    browser.wait(f"document.getElementById('older')?.checkVisibility() && {CARDS}.length === 24")
    browser.click("#older")
    browser.wait("document.getElementById('older').hidden")
    ids = browser.evaluate("fetch('/v1/jobs?limit=100').then((e) => e.json()).then((e) => e.data.length)")
    assert browser.evaluate(f"{CARDS}.length") == ids > 24
    ask(browser, "one more", num_inference_steps=1)
    finished(browser, "one more")
    browser.wait(f"{CARDS}.length === {ids + 1}")
    browser.wait("[...document.querySelectorAll('.card img')].slice(0, 8).every((e) => e.naturalWidth > 0)")
    look(browser, folder, "image-list")


def check_offline(browser, process):
    """A server that is gone is told above everything."""
    process.terminate()
    browser.wait("!document.getElementById('offline').hidden")


def check_silence(browser, addresses):
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params", {})
        assert method != "Runtime.exceptionThrown", parameters
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            assert url.startswith(tuple(addresses) + ("blob:", "data:", "about:")), url
        if method == "Log.entryAdded":
            entry = parameters["entry"]
            # Requests that are refused or stopped, and a server that goes, are part of the check.
            expected = ("400", "401", "404", "499", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY")
            assert entry["level"] != "error" or any(code in entry["text"] for code in expected), entry


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default=".build/page", help="where the screenshots go")
    parser.add_argument("--video-model")
    arguments = parser.parse_args()
    folder = arguments.output
    pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        size(browser, 1280, 860)
        addresses = []
        with served("demo-image") as (address, process):
            addresses.append(address)
            check_image(browser, address, folder)
            check_seed(browser)
            check_several(browser, folder)
            check_own_fields(browser)
            check_refusals(browser, folder)
            check_text(browser)
            check_view(browser, folder)
            check_use_again(browser)
            check_delete(browser)
            check_queue(browser)
            check_failure(browser)
            check_pages(browser, folder)
            check_offline(browser, process)
            browser.call("Page.navigate", url="about:blank")
        addresses.append(check_key(browser, folder))
        for model, check in (
            (str(CHECKPOINTS / "flux1-tiny-schnell"), lambda address: check_guidance(browser, address)),
            (str(CHECKPOINTS / "wan2.1-tiny-flf2v"), lambda address: check_inputs(browser, address, folder)),
            (arguments.video_model, lambda address: check_video(browser, address, folder)),
        ):
            if model is None:
                continue
            with served(model) as (address, _):
                addresses.append(address)
                check(address)
                browser.call("Page.navigate", url="about:blank")
        check_silence(browser, addresses)
        browser.close()
    print(f"the page works; screenshots are in {folder}")


if __name__ == "__main__":
    sys.exit(main())
