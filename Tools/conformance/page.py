"""Clicks and types through the server's page in a headless Chromium, and keeps screenshots."""

import argparse
import pathlib
import sys
import tempfile

from browser import Browser
from served import served

# Observers see what comes and goes between two looks from outside.
COUNT = """
window.seen = 0;
window.advanced = 0;
new MutationObserver(() => {
  const progress = document.getElementById('progress');
  if (!progress.hidden && progress.value > 0) window.advanced += 1;
}).observe(document.getElementById('progress'), { attributes: true });
new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
  if (node.alt === 'the picture so far') window.seen += 1;
}))).observe(document.getElementById('frame'), { childList: true });
"""


def write(browser, selector, text):
    browser.evaluate(f"document.querySelector('{selector}').focus(); document.querySelector('{selector}').select()")
    browser.call("Input.insertText", text=text)


def check_picture(browser, address, folder):
    browser.call("Page.navigate", url=address)
    browser.wait("document.getElementById('go')?.textContent === 'Make the picture'")
    assert browser.evaluate("document.activeElement.id") == "prompt", "the prompt has the focus"
    browser.evaluate(COUNT)
    write(browser, "#prompt", "a large red circle on a yellow background")
    write(browser, "#steps", "120")
    write(browser, "#seed", "5")
    browser.click("#go")
    browser.wait("document.getElementById('state').textContent.startsWith('finished')", 240)
    assert browser.evaluate("window.advanced") > 0, "the bar of progress did not move"
    assert browser.evaluate("window.seen") == 3, browser.evaluate("window.seen")
    assert browser.evaluate("document.querySelector('#frame img').naturalWidth") == 256
    browser.wait("document.querySelectorAll('#jobs li').length === 1")
    browser.screenshot(f"{folder}/page.png")


def check_seed(browser):
    """Seeds beyond the numbers that JavaScript holds go and come back whole."""
    write(browser, "#seed", "9007199254740993")
    write(browser, "#steps", "1")
    browser.click("#go")
    browser.wait("document.getElementById('state').textContent.endsWith('seed 9007199254740993')", 120)
    browser.wait("document.querySelector('#jobs small').textContent.includes('seed 9007199254740993')")


def check_queue(browser):
    """What waits is told its place. Both jobs are long: whichever arrives first, the other waits."""
    browser.evaluate(
        "for (const steps of [400, 401]) fetch('/v1/images/generations', { method: 'POST', headers: { 'content-type': "
        "'application/json' }, body: JSON.stringify({ prompt: 'a', num_inference_steps: steps }) }); 0")
    browser.wait(
        "[...document.querySelectorAll('#jobs small')].some((e) => e.textContent.startsWith('queued, number 1 in line'))")
    browser.evaluate(
        "document.querySelectorAll('#jobs li > button:last-child').forEach((e) => { if (e.textContent === 'Stop') e.click(); })")
    browser.wait("[...document.querySelectorAll('#jobs li > button:last-child')].every((e) => e.textContent === 'Remove')")


def check_refusal(browser):
    write(browser, "#seed", "99999999999999999999")
    browser.click("#go")
    browser.wait("document.getElementById('error').textContent.includes('seed')")
    write(browser, "#seed", "")


def check_stop_and_keyboard(browser):
    write(browser, "#steps", "500")
    # From the last field of the form to its button, and Enter.
    browser.evaluate("document.getElementById('format').focus()")
    for _ in range(2):
        if browser.evaluate("document.activeElement.id") != "go":
            browser.press("Tab", 9)
    assert browser.evaluate("document.activeElement.id") == "go"
    browser.press("Enter", 13)
    browser.wait("document.getElementById('state').textContent.includes('denoising')", 120)
    browser.evaluate("document.getElementById('stop').focus()")
    browser.press("Enter", 13)
    browser.wait("document.getElementById('state').textContent === 'stopped'", 20)
    browser.wait("[...document.querySelectorAll('#jobs small')][0].textContent.startsWith('failed')", 20)
    browser.click("#jobs li:last-child .show")
    browser.wait("document.querySelector('#frame img')?.naturalWidth === 256")


def check_phone(browser, folder):
    browser.call("Emulation.setDeviceMetricsOverride", width=375, height=780, deviceScaleFactor=2, mobile=True)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 375
    browser.screenshot(f"{folder}/page-phone.png")
    browser.call("Emulation.clearDeviceMetricsOverride")


def check_video(browser, address, folder):
    browser.call("Page.navigate", url=address)
    browser.wait("document.getElementById('go')?.textContent === 'Make the video'")
    browser.evaluate(COUNT.replace("picture", "video"))
    write(browser, "#prompt", "a fox")
    write(browser, "#steps", "40")
    write(browser, "#frames", "9")
    browser.click("#go")
    browser.wait("document.querySelector('#frame video')?.videoWidth === 96", 240)
    assert browser.evaluate("window.seen") >= 1, "no preview of the video was shown"
    browser.wait("document.querySelector('#frame video').currentTime > 0")
    browser.screenshot(f"{folder}/page-video.png")


def check_silence(browser, addresses):
    for event in browser.events:
        method, parameters = event.get("method"), event.get("params", {})
        assert method != "Runtime.exceptionThrown", parameters
        if method == "Network.requestWillBeSent":
            url = parameters["request"]["url"]
            assert url.startswith(tuple(addresses) + ("blob:", "data:", "about:")), url
        if method == "Log.entryAdded":
            entry = parameters["entry"]
            # Requests that are refused or stopped are part of the check.
            assert entry["level"] != "error" or any(code in entry["text"] for code in ("400", "499")), entry


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", default=".build/page", help="where the screenshots go")
    parser.add_argument("--video-model")
    arguments = parser.parse_args()
    pathlib.Path(arguments.output).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        addresses = []
        with served("demo-image") as (address, _):
            addresses.append(address)
            check_picture(browser, address, arguments.output)
            check_seed(browser)
            check_queue(browser)
            check_refusal(browser)
            check_stop_and_keyboard(browser)
            check_phone(browser, arguments.output)
            # A page whose server stops complains.
            browser.call("Page.navigate", url="about:blank")
        if arguments.video_model:
            with served(arguments.video_model) as (address, _):
                addresses.append(address)
                check_video(browser, address, arguments.output)
                browser.call("Page.navigate", url="about:blank")
        check_silence(browser, addresses)
        browser.close()
    print(f"the page works; screenshots are in {arguments.output}")


if __name__ == "__main__":
    sys.exit(main())
