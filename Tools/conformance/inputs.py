"""The page with other models than demo-image: its keys, its videos, and the images that it takes."""

import base64
import pathlib
import subprocess
import tempfile

from looks import PROBLEM, ask, finished, hidden, look, open_page, reload, write
from served import PROGRAM, served


def check_guidance(browser, address):
    """A model without guidance has no field for it."""
    open_page(browser, address)
    assert hidden(browser, "#field-guidance_scale") and not hidden(browser, "#field-num_inference_steps")


def check_key(browser, folder):
    """A server with keys asks for one, and keeps it in the tab."""
    made = subprocess.run([PROGRAM, "key", "alice"], capture_output=True, text=True, check=True)
    with tempfile.TemporaryDirectory() as keys:
        path = pathlib.Path(keys, "keys")
        path.write_text(made.stdout)
        with served("demo-image", "--api-keys", str(path)) as (address, _):
            browser.call("Page.navigate", url=address)
            browser.wait("document.getElementById('key-dialog')?.open")
            assert browser.evaluate("document.activeElement.id") == "key"
            look(browser, folder, "key")
            for key in ("wrong", made.stderr.split()[-1]):
                write(browser, "#key", key)
                browser.press("Enter", 13)
                if key == "wrong":
                    browser.wait("document.getElementById('key-error').textContent.includes('not valid')")
            browser.wait("document.getElementById('go').disabled === false")
            ask(browser, "with a key", num_inference_steps=2)
            finished(browser, "with a key")
            browser.wait("document.querySelector('.card img')?.naturalWidth > 0")
            assert browser.evaluate("document.querySelector('.card img').src").startswith("blob:")
            assert browser.evaluate("localStorage.length === 0 && document.cookie === ''")
            reload(browser)
            assert hidden(browser, "#key-dialog") and not hidden(browser, "#key-open")
            browser.call("Page.navigate", url="about:blank")
        return address


def check_video(browser, address, folder):
    open_page(browser, address)
    assert hidden(browser, "#field-n") and hidden(browser, "#drops")
    write(browser, "#field-num_frames", "9")
    browser.wait("document.getElementById('field-num_frames-hint').textContent === '1.1 seconds'")
    ask(browser, "a fox", num_inference_steps=200)
    browser.wait("document.querySelector('.preview')?.naturalWidth > 0", 120)
    browser.wait("document.querySelector('#stage video')?.videoWidth === 96", 240)
    assert browser.evaluate("window.seen.size") >= 1, "no preview of the video was shown"
    browser.wait("document.querySelector('#stage video').currentTime > 0")
    assert browser.evaluate("(({ controls, muted }) => controls && !muted)(document.querySelector('#stage video'))")
    for number in range(3):
        ask(browser, f"a red square moving right {number}", num_inference_steps=8, seed=number)
        browser.wait(
            "document.querySelector('#stage[data-status=completed] .prompt')?.textContent.endsWith("
            f"'right {number}')", 240)
    browser.wait("document.querySelectorAll('.card img').length === 4 &&"
                 " [...document.querySelectorAll('.card img')].every((e) => e.naturalWidth > 0)")
    look(browser, folder, "video-list")
    browser.click("#jobs li:last-child .open")
    browser.wait("document.querySelector('#view video')?.videoWidth === 96")
    assert browser.evaluate("document.querySelector('#stage video').paused"), "two videos play at once"
    assert "9 frames at 8 a second: 1.1 s" in browser.evaluate("document.getElementById('settings').innerText")
    look(browser, folder, "video-view")
    browser.click("#again")
    browser.wait("document.activeElement.id === 'prompt'")
    assert browser.evaluate("document.getElementById('field-num_frames').value") == "9"
    write(browser, "#field-guidance_scale", "1")
    browser.wait("!document.getElementById('field-negative_prompt').checkVisibility()")


def check_inputs(browser, address, folder):
    """Images are dropped, pasted and picked; each has its place, and goes with the settings."""
    open_page(browser, address)
    names = browser.evaluate("[...document.querySelectorAll('#drops strong')].map((e) => e.textContent)")
    assert names == ["First frame", "Last frame"], names
    browser.click("#size-chips label:last-child")
    write(browser, "#width", "64")
    write(browser, "#height", "64")
    ask(browser, "between two images", num_inference_steps=2, num_frames=5)
    browser.wait(f"{PROBLEM.format('first')}.includes('needed')")
    browser.evaluate("""(async () => {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [64, 48];
  const file = async (colour) => {
    const paint = canvas.getContext('2d');
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 64, 48);
    return new File([await new Promise((done) => canvas.toBlob(done))], `${colour}.png`, { type: 'image/png' });
  };
  const carry = (file) => { const carried = new DataTransfer(); carried.items.add(file); return carried; };
  const drop = (dataTransfer) => new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer });
  const target = document.querySelector('[data-name=last] .target');
  const text = carry(new File(['x'], 'x.txt', { type: 'text/plain' }));
  target.dispatchEvent(drop(text));
  window.refused = document.querySelector('[data-name=last] .problem').textContent;
  target.dispatchEvent(drop(carry(await file('blue'))));
  document.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: carry(await file('red')) }));
})()""")
    assert "PNG" in browser.evaluate("window.refused")
    browser.wait("[...document.querySelectorAll('.inputs img')].map((e) => e.alt).join() === 'red.png,blue.png' &&"
                 " [...document.querySelectorAll('.inputs img')].every((e) => e.naturalWidth === 64)")
    look(browser, folder, "inputs")
    browser.click("[aria-label=\"Remove blue.png\"]")
    browser.wait("document.querySelectorAll('.inputs img').length === 1")
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        file.write(base64.b64decode(PIXEL))
        file.flush()
        root = browser.call("DOM.getDocument")["root"]["nodeId"]
        node = browser.call("DOM.querySelector", nodeId=root, selector="#drop-last")["nodeId"]
        browser.call("DOM.setFileInputFiles", nodeId=node, files=[file.name])
        browser.wait("document.querySelectorAll('.inputs img').length === 2")
        ask(browser, "between two images")
        browser.wait("document.querySelector('#stage[data-status=completed] video')?.videoWidth > 0", 120)
    reload(browser)
    browser.wait("document.querySelector('.card .open:enabled') !== null")
    browser.click(".card .open")
    browser.wait("document.querySelectorAll('#inputs img').length === 2 &&"
                 " [...document.querySelectorAll('#inputs img')].every((e) => e.naturalWidth > 0)")
    browser.click("#again")
    browser.wait("document.querySelectorAll('.inputs img').length === 2 &&"
                 " [...document.querySelectorAll('.inputs img')].every((e) => e.naturalWidth > 0)")
    assert browser.evaluate("document.querySelector('[name=size]:checked').value") == "own"
    assert browser.evaluate("document.getElementById('width').value") == "64"


# A PNG of one pixel.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
