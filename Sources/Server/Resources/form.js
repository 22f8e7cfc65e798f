// What people choose: the prompt, images, and the fields that the model heeds.

import { $, ask, json, make, say } from './server.js';

const state = { kinds: [], capabilities: null, fields: [], drops: [] };

const LABELS = {
  negative_prompt: ['Negative prompt', 'what should not be seen'],
  num_inference_steps: ['Steps', 'more for finer detail'],
  guidance_scale: ['Guidance', 'how close to the prompt'],
  max_sequence_length: ['Longest prompt', 'in tokens; what is longer is cut'],
  num_frames: ['Frames'],
  fps: ['Frames per second'],
  n: ['Images', 'made at once'],
  enable_audio: ['Sound'],
};
/** What errors call a field that goes by another name here. */
const ALIASES = {
  width: 'size', height: 'size', frame_rate: 'fps', seconds: 'num_frames', output_format: 'format',
  image: 'first', image_reference: 'first', input_reference: 'first', last_image: 'last',
};

/** Where a slider ends: for what people use, not for what is possible. */
function reach(spec) {
  const usual = { num_inference_steps: 50, guidance_scale: 10, num_frames: 32, fps: 30, n: 10 }[spec.name];
  if (usual) return Math.min(spec.maximum, Math.max(usual, 2 * (spec.default ?? 0)));
  return spec.maximum <= 1 ? spec.maximum : null;
}

/** What a value is typed, chosen or slid into. */
function control(spec, described) {
  switch (spec.type) {
    case 'boolean': return { input: make('input', { ...described, type: 'checkbox' }) };
    case 'choice': return { input: make('select', described, ...spec.options.map((name) => new Option(name, name))) };
    case 'text': return { input: make('textarea', { ...described, rows: 2, maxLength: 32000 }) };
    case 'numbers': {
      const { minimum, maximum } = spec;
      return { input: make('input', { ...described, placeholder: `as ${maximum}, ${(minimum + maximum) / 2}` }) };
    }
    case 'seed': {
      const input = make('input', { ...described, inputMode: 'numeric', placeholder: 'random', autocomplete: 'off' });
      const button = make('button', { type: 'button', id: 'random', 'aria-label': 'Random seed' }, '↻');
      button.addEventListener('click', () => { input.value = ''; });
      return { input, button };
    }
    default: return number(spec, described);
  }
}

/** A number, and a slider for the hand. */
function number(spec, described) {
  const { minimum: min, maximum: max, type } = spec;
  const input = make('input', { ...described, type: 'number', min, max, step: type === 'integer' ? 1 : 'any' });
  const end = reach(spec);
  if (end === null) return { input };
  const slider = make('input', {
    type: 'range', min: Math.ceil(min), max: end, step: type === 'integer' ? 1 : end / 100,
    tabIndex: -1, 'aria-hidden': 'true',
  });
  slider.addEventListener('input', () => { input.value = slider.value; });
  input.addEventListener('input', () => { slider.value = input.value; });
  return { input, slider };
}

/** A field that the capabilities name: its node, and how its value is read and written. */
function field(spec, isExtra) {
  const id = `field-${spec.name}`;
  const [label, hint] = LABELS[spec.name] ?? [spec.label ?? spec.name.replaceAll('_', ' '), spec.description];
  const { input, slider, button } = control(spec, { id, 'aria-describedby': `${id}-problem ${id}-hint` });
  const node = make(
    'div', { className: `field ${spec.type}`, 'data-name': spec.name }, make('label', { htmlFor: id }, label),
    make('div', { className: 'control' }, input, slider, button),
    make('p', { id: `${id}-hint`, className: 'hint' }, hint), make('p', { id: `${id}-problem`, className: 'problem' }));
  const write = (value) => {
    if (spec.type === 'boolean') input.checked = value ?? false;
    else input.value = [value ?? ''].flat().join(', ');
    if (slider) slider.value = input.value;
  };
  /** The value, or undefined where the model's own choice will do. */
  const read = () => {
    const own = spec.default;
    if (spec.type === 'boolean') return input.checked === (own ?? false) ? undefined : input.checked;
    const isNumber = spec.type === 'number' || spec.type === 'integer';
    const text = spec.type === 'text' ? input.value : input.value.trim();
    if (text === '' && !input.validity.badInput) return isNumber || !own ? undefined : text;
    if (!isNumber && spec.type !== 'numbers') return text === own ? undefined : text;
    const numbers = text.split(/[\s,]+/).filter(Boolean).map(Number);
    if (input.validity.badInput || numbers.some(Number.isNaN)) {
      throw problem(`${label} must be ${isNumber ? 'a number' : 'numbers'}.`, spec.name);
    }
    if (!isNumber) return numbers;
    return numbers[0] === own ? undefined : numbers[0];
  };
  write(spec.default);
  return { spec, isExtra, node, input, read, write };
}

function problem(message, param) { return Object.assign(new Error(message), { param }); }

/** Shows the fields that have an effect now, and how long the video will be. */
function changed() {
  const value = (name) => state.fields.find((field) => field.spec.name === name)?.input.value;
  for (const { spec, node } of state.fields) {
    if (spec.needs) node.hidden = !(Number(value(spec.needs.field)) > spec.needs.above);
  }
  const [frames, fps] = [Number(value('num_frames')), Number(value('fps'))];
  const hint = $('field-num_frames-hint');
  if (hint) hint.textContent = frames > 0 && fps > 0 ? `${(frames / fps).toFixed(1)} seconds` : '';
  $('own-size').hidden = size() !== 'own';
}

/** The sizes to choose from: the model's own, turned, square, smaller and larger. */
function buildSizes({ defaults: { width, height }, limits }) {
  const whole = (length) => Math.max(16, Math.round(length / 16) * 16);
  const [long, short] = [Math.max(width, height), width === height ? whole(width * 0.75) : Math.min(width, height)];
  const square = width === height ? width : whole(Math.sqrt(width * height));
  const sizes = [
    [width, height], [long, short], [short, long], [square, square], [whole(width / 2), whole(height / 2)],
    [whole(width * 1.5), whole(height * 1.5)],
  ].filter(([width, height]) => width * height <= limits.pixels).map((sides) => sides.join('x'));
  const chip = (value, ...children) => make(
    'label', { className: 'chip' }, make('input', { type: 'radio', name: 'size', value }), ...children);
  $('size-chips').replaceChildren(...[...new Set(sizes)].map((size) => {
    const [width, height] = size.split('x');
    const shape = make('span', { className: 'shape' });
    shape.style.aspectRatio = `${width} / ${height}`;
    shape.style[Number(width) < Number(height) ? 'height' : 'width'] = '1.1em';
    return chip(size, shape, `${width}×${height}`);
  }), chip('own', 'Other…'));
  writeSize(`${width}x${height}`);
}

function size() { return document.querySelector('[name=size]:checked')?.value; }

function writeSize(size) {
  const chips = [...document.querySelectorAll('[name=size]')];
  (chips.find((chip) => chip.value === size) ?? chips.at(-1)).checked = true;
  [$('width').value, $('height').value] = size.split('x');
}

const KINDS = ['image/png', 'image/jpeg', 'image/webp', 'image/gif'];

/** A place for images: they are dropped, pasted or picked. */
function drop(name, label, most, isNeeded) {
  const id = `drop-${name}`;
  const input = make('input', {
    id, type: 'file', accept: KINDS.join(), multiple: most > 1, className: 'unseen',
    'aria-describedby': `${id}-problem`,
  });
  const list = make('ul', { className: 'inputs' });
  const complaint = make('p', { id: `${id}-problem`, className: 'problem' });
  const target = make(
    'label', { htmlFor: id, className: 'target' }, make('strong', {}, label), isNeeded ? ' (needed)' : '',
    make('span', { className: 'hint' }, 'Drop, paste or choose an image'));
  const node = make('div', { className: 'field drop', 'data-name': name }, input, target, list, complaint);
  const own = { name, node, input, most, files: [] };
  own.set = (files) => {
    own.files = files.slice(-most);
    complaint.textContent = '';
    list.replaceChildren(...own.files.map((file) => {
      const image = make('img', { src: URL.createObjectURL(file), alt: file.name });
      image.addEventListener('load', () => URL.revokeObjectURL(image.src));
      const remove = make('button', { type: 'button', className: 'quiet', 'aria-label': `Remove ${file.name}` }, '✕');
      remove.addEventListener('click', () => { own.set(own.files.filter((other) => other !== file)); input.focus(); });
      return make('li', {}, image, remove);
    }));
    target.hidden = own.files.length >= most;
    input.value = '';
  };
  own.add = (files) => {
    const images = [...files].filter((file) => KINDS.includes(file.type));
    if (images.length) own.set([...own.files, ...images]);
    else complaint.textContent = 'Only PNG, JPEG, WebP and GIF images can be taken.';
  };
  input.addEventListener('change', () => own.add(input.files));
  return own;
}

/** The place that takes an image which was let go at this element, or pasted. */
function dropAt(element) {
  return state.drops.find(({ node }) => node.contains(element))
    ?? state.drops.find(({ files, most }) => files.length < most);
}

for (const kind of ['dragover', 'dragleave', 'drop']) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    document.body.classList.toggle('dragging', kind === 'dragover' && state.drops.length > 0);
    if (kind === 'drop') dropAt(event.target)?.add(event.dataTransfer.files);
  });
}
document.addEventListener('paste', (event) => {
  const files = event.clipboardData?.files ?? [];
  if (files.length && dropAt(null)) { event.preventDefault(); dropAt(null).add(files); }
});

/** Makes the form from what the model can do: where it makes videos and images, there is a choice. */
export function build(capabilities) {
  state.kinds = [capabilities, ...capabilities.alternatives.map((other) => ({ ...capabilities, ...other }))];
  $('kinds').hidden = state.kinds.length < 2;
  $('kind-chips').replaceChildren(...state.kinds.map((kind) => {
    const input = make('input', { type: 'radio', name: 'kind', value: kind.makes });
    input.addEventListener('change', () => choose(kind));
    return make('label', { className: 'chip' }, input, kind.makes === 'video' ? 'Video' : 'Image');
  }));
  choose(capabilities);
}

/** Makes the form for one kind of result. */
function choose(capabilities) {
  state.capabilities = capabilities;
  document.querySelector(`[name=kind][value=${capabilities.makes}]`).checked = true;
  const isVideo = capabilities.makes === 'video';
  $('model').textContent = `${capabilities.model} · ${capabilities.family}`;
  const { first, last } = capabilities.images;
  state.drops = [];
  if (first !== 'refused') {
    const most = isVideo ? 1 : capabilities.limits.input_images;
    state.drops.push(drop('first', isVideo ? 'First frame' : 'Images to change', most, first === 'required'));
  }
  if (last !== 'refused') state.drops.push(drop('last', 'Last frame', 1, last === 'required'));
  $('drops').hidden = state.drops.length === 0;
  $('drops').replaceChildren(...state.drops.map(({ node }) => node));
  buildSizes(capabilities);
  const rare = ['max_sequence_length', 'negative_prompt'];
  const seed = {
    name: 'seed', type: 'seed', label: 'Seed', description: 'repeats a result' };
  const { formats } = capabilities;
  const format = { name: 'format', type: 'choice', label: 'Format', options: formats, default: formats[0] };
  const common = capabilities.fields.filter(({ name }) => !rare.includes(name));
  const known = [...common, seed, format].map((spec) => field(spec));
  // What another field decides about stands beside it.
  const extras = capabilities.extra_params.map((spec) => field(spec, true));
  for (const spec of capabilities.fields.filter(({ name }) => rare.includes(name))) {
    const needs = extras.findIndex((extra) => extra.spec.name === spec.needs?.field);
    if (needs >= 0) extras.splice(needs + 1, 0, field(spec));
    else if (spec.name === 'negative_prompt') known.unshift(field(spec));
    else extras.push(field(spec));
  }
  const sound = extras.findIndex(({ spec }) => spec.name === 'enable_audio');
  if (sound >= 0) known.push(...extras.splice(sound, 1));
  state.fields = [...known, ...extras];
  $('fields').replaceChildren(...known.map(({ node }) => node));
  $('more-fields').replaceChildren(...extras.map(({ node }) => node));
  $('more').hidden = extras.length === 0;
  $('prompt-hint').textContent = touches() ? '' : 'Enter generates, Shift+Enter begins a new line';
  $('go').disabled = false;
  changed();
}

function touches() { return matchMedia('(pointer: coarse)').matches; }

async function base64(file) {
  const url = await new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(new Error(`${file.name} cannot be read`));
    reader.readAsDataURL(file);
  });
  return url.slice(url.indexOf(',') + 1);
}

/** The request that the form describes: its path and its body. */
async function wanted() {
  const isVideo = state.capabilities.makes === 'video';
  const body = { prompt: $('prompt').value, partial_images: state.capabilities.partial_images ? 3 : 0 };
  if (body.prompt.trim() === '') throw problem('Describe what you would like to see.', 'prompt');
  body.size = size() === 'own' ? `${$('width').value}x${$('height').value}` : size();
  let seed = '';
  for (const { spec, isExtra, node, read } of state.fields) {
    const value = node.hidden ? undefined : read();
    if (value === undefined) continue;
    if (spec.name === 'seed') seed = value;
    else if (isExtra) body.extra_params = { ...body.extra_params, [spec.name]: value };
    else body[spec.name === 'format' && !isVideo ? 'output_format' : spec.name] = value;
  }
  const images = [];
  for (const { name, files } of state.drops) {
    const role = name === 'last' ? 'last_frame' : 'first_frame';
    for (const file of files) images.push({ content: await base64(file), role });
  }
  if (images.length && isVideo) body.image_reference = images;
  else if (images.length) body.image = images.map(({ content }) => content);
  const text = JSON.stringify(body);
  // Digits stay as they are; whatever else stands there the server refuses by name.
  const isWhole = /^-?(0|[1-9][0-9]*)$/.test(seed);
  const whole = seed === '' ? text : `${text.slice(0, -1)},"seed":${isWhole ? seed : JSON.stringify(seed)}}`;
  return { path: isVideo ? '/v1/videos' : images.length ? '/v1/images/edits' : '/v1/images/generations', body: whole };
}

/** Puts an error beside the field that it names, or below the form. */
function tell(error) {
  for (const node of $('form').querySelectorAll('.problem')) node.textContent = '';
  for (const node of $('form').querySelectorAll('[aria-invalid]')) node.removeAttribute('aria-invalid');
  if (!error) return;
  const name = ALIASES[error.param] ?? error.param;
  const node = name && $('form').querySelector(`[data-name="${CSS.escape(name)}"]`);
  if (!node || node.hidden) { $('problem').textContent = error.message; return; }
  if ($('more').contains(node)) $('more').open = true;
  node.querySelector('.problem').textContent = error.message;
  const control = node.querySelector('input:checked, textarea, select, input:not([type=radio])');
  control.setAttribute('aria-invalid', 'true');
  control.focus();
}

async function submit(event) {
  event.preventDefault();
  if ($('go').disabled) return;
  tell(null);
  $('warnings').textContent = '';
  $('go').disabled = true;
  try {
    const { path, body } = await wanted();
    const headers = { 'content-type': 'application/json', prefer: 'respond-async' };
    const job = await json(await ask(path, { method: 'POST', headers, body }));
    say('The request was accepted.');
    $('warnings').textContent = (job.warnings ?? []).join('. ');
    document.dispatchEvent(new CustomEvent('accepted', { detail: job.id }));
  } catch (error) { tell(error); }
  $('go').disabled = false;
}

$('form').addEventListener('submit', submit);
$('form').addEventListener('input', changed);
$('prompt').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.isComposing || event.shiftKey || event.altKey || touches()) return;
  event.preventDefault();
  $('form').requestSubmit();
});

/** Fills the form with what a job was asked for. */
export async function reuse(job) {
  tell(null);
  const kind = state.kinds.find(({ makes }) => makes === job.kind);
  if (kind && kind !== state.capabilities) choose(kind);
  $('prompt').value = job.prompt ?? '';
  writeSize(job.size);
  const values = { ...job.extra_params, ...job, n: job.count };
  for (const { spec, write } of state.fields) write(values[spec.name] ?? spec.default);
  changed();
  for (const place of state.drops) {
    const inputs = job.inputs.filter(({ role }) => (role === 'last_frame') === (place.name === 'last'));
    place.set(await Promise.all(inputs.map(async ({ index, name }) => {
      const blob = await (await ask(`/v1/jobs/${job.id}/inputs/${index}`)).blob();
      return new File([blob], name, { type: blob.type });
    })));
  }
  $('prompt').focus();
  $('form').scrollIntoView({ block: 'start' });
  say('The form has the settings again.');
}

/** What the capabilities say of a field that this model heeds. */
export function heeded(name) {
  return state.fields.find(({ spec }) => spec.name === name)?.spec;
}
