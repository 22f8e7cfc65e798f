"""What the checks of the page share: typing, waiting for states, and looking at both widths, light and dark."""

import json

# Observers see what comes and goes between two looks from outside.
COUNT = """
window.seen = new Set();
window.advanced = new Set();
window.said = [];
new MutationObserver(() => {
  const image = document.querySelector('#stage-media img.preview');
  if (image) window.seen.add(image.src);
  const bar = document.getElementById('stage-progress');
  if (bar?.value > 0) window.advanced.add(bar.value);
}).observe(document.getElementById('stage'), { childList: true, subtree: true, attributes: true });
new MutationObserver(() => window.said.push(document.getElementById('live').textContent))
  .observe(document.getElementById('live'), { childList: true });
"""
# What a form's field says is wrong with it.
PROBLEM = "document.querySelector('[data-name={}] .problem').textContent"
CARDS = "document.querySelectorAll('.card')"


def write(browser, selector, text):
    browser.evaluate(
        f"(() => {{ const e = document.querySelector('{selector}'); e.focus(); e.select(); }})()")
    browser.call("Input.insertText", text=text)
    # Nothing typed is no input event.
    if text == "":
        browser.press("Delete", 46)


def open_page(browser, address):
    browser.call("Page.navigate", url=address)
    browser.wait("document.getElementById('go')?.disabled === false")
    browser.evaluate(COUNT)


def reload(browser):
    browser.evaluate("window.isOld = true")
    browser.call("Page.reload")
    browser.wait("window.isOld === undefined && document.getElementById('go')?.disabled === false")


def ask(browser, prompt, **fields):
    """Types a prompt and fields, and lets Enter in the prompt send them."""
    for name, value in fields.items():
        write(browser, f"#field-{name}", str(value))
    write(browser, "#prompt", prompt)
    browser.press("Enter", 13)


def finished(browser, prompt, seconds=240):
    text = json.dumps(prompt)
    browser.wait(
        f"document.querySelector('#stage[data-status=completed] .prompt')?.textContent === {text} &&"
        " [...document.querySelectorAll('#stage-media img')].every((e) => e.naturalWidth > 0)", seconds)


def hidden(browser, selector):
    return browser.evaluate(f"document.querySelector('{selector}')?.checkVisibility() !== true")


def size(browser, width, height, scheme="light"):
    browser.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.wait(f"innerWidth === {width} && matchMedia('(prefers-color-scheme: {scheme})').matches")


def look(browser, folder, name):
    """Screenshots of what there is at both widths, light and dark; nothing is wider than the page."""
    for width, height in ((1280, 860), (320, 640)):
        for scheme in ("light", "dark"):
            size(browser, width, height, scheme)
            assert browser.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
            assert browser.evaluate(
                "[...document.querySelectorAll('dialog[open]')].every((e) => e.scrollWidth <= e.clientWidth)"), name
            check_contrast(browser, f"{name} {width} {scheme}")
            browser.screenshot(f"{folder}/{name}-{width}-{scheme}.png")
    size(browser, 1280, 860)


def check_contrast(browser, name):
    """Every text stands out from what is behind it: 4.5 to 1, as WCAG has it."""
    low = browser.evaluate("""(() => {
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const colour = (...layers) => {
    for (const layer of layers) { paint.fillStyle = layer; paint.fillRect(0, 0, 1, 1); }
    return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  };
  const light = (...layers) => { const [r, g, b] = colour(...layers); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  document.getAnimations().forEach((animation) => animation instanceof CSSTransition && animation.finish());
  const low = [];
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility() || node.closest('.unseen, .badge, :disabled, option')) continue;
    const behind = [];
    for (let e = node; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const [text, back] = [light('white', ...behind, getComputedStyle(node).color), light('white', ...behind)];
    const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    if (ratio < 4.5) low.push(`${node.tagName} ${node.id} ${node.className}: ${ratio.toFixed(2)}`);
  }
  return low;
})()""")
    assert not low, (name, low)
