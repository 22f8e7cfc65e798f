// The server: asking it, the key that it may want, and the addresses of its files.

export const $ = (id) => document.getElementById(id);

/** An element. Texts among its children stay texts: nothing that a user wrote is read as markup. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name in node) node[name] = value; else node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Tells those who cannot see the page. */
export function say(text) { if ($('live').textContent !== text) $('live').textContent = text; }

/** Asks the server; an error becomes an exception with its sentence and the field's name. */
export async function ask(path, options = {}) {
  const key = sessionStorage.getItem('key');
  const headers = key ? { ...options.headers, authorization: `Bearer ${key}` } : options.headers;
  const response = await fetch(path, { ...options, headers }).catch(() => null);
  $('offline').hidden = response !== null;
  if (!response) throw new Error($('offline').textContent = 'The server cannot be reached. Trying again…');
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  if (response.status === 401) { $('key-open').hidden = false; if (!isDeclined) askForKey(key ? error?.message : ''); }
  const message = error?.message ?? `The server answered ${response.status}.`;
  throw Object.assign(new Error(message), { param: error?.param, status: response.status });
}

/** Numbers beyond 2^53 would lose digits on their way through JavaScript, so seeds come and go as text. */
export async function json(response) {
  return JSON.parse((await response.text()).replace(/"seed":(\d+)/g, '"seed":"$1"'));
}

const blobs = new Map();

/** Where an element finds a file. With a key only the script can ask, and keeps what it got last. */
export async function address(path) {
  if (!sessionStorage.getItem('key')) return path;
  if (!blobs.has(path)) {
    const url = ask(path).then((response) => response.blob()).then((blob) => URL.createObjectURL(blob));
    blobs.set(path, url);
    url.catch(() => blobs.delete(path));
    if (blobs.size > 200) {
      const [oldest, old] = blobs.entries().next().value;
      blobs.delete(oldest);
      old.then(URL.revokeObjectURL, () => {});
    }
  }
  return blobs.get(path);
}

/** Whether the question for a key was sent away: it does not come again by itself. */
let isDeclined = false;

function askForKey(problem) {
  $('key-error').textContent = problem ?? '';
  if (!$('key-dialog').open) $('key-dialog').showModal();
}

$('key-open').addEventListener('click', () => askForKey());
$('key-open').hidden = !sessionStorage.getItem('key');
$('key-dialog').addEventListener('cancel', () => { isDeclined = true; });
$('key-forget').addEventListener('click', () => { sessionStorage.removeItem('key'); location.reload(); });
$('key-form').addEventListener('submit', () => {
  sessionStorage.setItem('key', $('key').value.trim());
  $('key').value = '';
  isDeclined = false;
  blobs.clear();
});
$('key-dialog').addEventListener('close', () => document.dispatchEvent(new Event('key')));
