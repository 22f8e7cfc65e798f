'use strict';

const element = (id) => document.getElementById(id);
const state = { capabilities: null, running: null, shown: '', pages: 1, addresses: [] };

function headers(more = {}) {
  const key = sessionStorage.getItem('key');
  return key ? { ...more, authorization: `Bearer ${key}` } : more;
}

/** Asks the server; an error becomes an exception with its sentence. */
async function ask(path, options = {}) {
  const response = await fetch(path, { ...options, headers: headers(options.headers) });
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  if (response.status === 401) element('key-field').hidden = false;
  throw new Error(body.error?.message ?? `the server answered ${response.status}`);
}

function tell(error) { element('error').textContent = error ? error.message ?? String(error) : ''; }

/** Puts pictures or a video into the frame. */
function show(nodes) {
  element('frame').replaceChildren(...nodes);
}

function address(blob) {
  const url = URL.createObjectURL(blob);
  state.addresses.push(url);
  while (state.addresses.length > 30) URL.revokeObjectURL(state.addresses.shift());
  return url;
}

function picture(url, description) {
  const image = new Image();
  image.src = url;
  image.alt = description;
  return image;
}

function progress(percent, text) {
  const bar = element('progress');
  bar.hidden = percent === null;
  if (percent !== null) bar.value = percent;
  element('state').textContent = text;
}

function offer(url, name) {
  const link = element('download');
  link.hidden = !url;
  if (url) { link.href = url; link.download = name; }
}

async function begin() {
  try {
    const capabilities = await (await ask('/v1/capabilities')).json();
    state.capabilities = capabilities;
    element('key-field').hidden = !sessionStorage.getItem('key');
    const video = capabilities.makes === 'video';
    element('model').textContent = `${capabilities.model} (${capabilities.family})`;
    const { width, height, num_inference_steps: steps, num_frames: frames } = capabilities.defaults;
    const sizes = new Set([`${width}x${height}`]);
    for (const scale of [0.5, 0.75, 1.5]) {
      const side = (length) => Math.max(16, Math.round(length * scale / 32) * 32);
      if (side(width) * side(height) <= capabilities.limits.pixels) sizes.add(`${side(width)}x${side(height)}`);
    }
    if (width === height) { sizes.add(`${width}x${width * 3 / 4}`); sizes.add(`${width * 3 / 4}x${width}`); }
    else sizes.add(`${height}x${width}`);
    element('size').replaceChildren(...[...sizes].map((size) => new Option(size, size)));
    element('steps').value = steps;
    element('frames-field').hidden = !video;
    if (video) element('frames').value = frames;
    element('image-field').hidden = !capabilities.takes_pictures;
    element('format').replaceChildren(...capabilities.formats.map((format) => new Option(format, format)));
    element('go').textContent = video ? 'Make the video' : 'Make the picture';
    tell(null);
    await refresh();
  } catch (error) { tell(error); }
}

function wanted() {
  const body = { prompt: element('prompt').value, size: element('size').value };
  if (element('negative').value) body.negative_prompt = element('negative').value;
  if (element('steps').value) body.num_inference_steps = Number(element('steps').value);
  return body;
}

/** Numbers beyond 2^53 would lose digits on their way through JavaScript, so seeds come and go as text. */
function parsed(text) { return JSON.parse(text.replace(/"seed":(\d+)/g, '"seed":"$1"')); }

function json(body) {
  const seed = element('seed').value.trim();
  const text = JSON.stringify(body);
  return /^[0-9]+$/.test(seed) ? `${text.slice(0, -1)},"seed":${seed}}` : text;
}

async function base64(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let place = 0; place < bytes.length; place += 32768) {
    text += String.fromCharCode(...bytes.subarray(place, place + 32768));
  }
  return btoa(text);
}

async function makePicture(signal) {
  const body = { ...wanted(), output_format: element('format').value, stream: true };
  if (state.capabilities.partial_images) body.partial_images = 3;
  const file = element('image').files[0];
  let path = '/v1/images/generations';
  if (file && state.capabilities.takes_pictures) {
    path = '/v1/images/edits';
    body.image = await base64(file);
  }
  const response = await ask(path, {
    method: 'POST', body: json(body), headers: { 'content-type': 'application/json' }, signal,
  });
  for await (const event of events(response)) {
    if (event.error) throw new Error(event.error.message);
    const bytes = Uint8Array.from(atob(event.b64_json), (character) => character.charCodeAt(0));
    const url = address(new Blob([bytes], { type: `image/${event.output_format}` }));
    const isLast = event.type.endsWith('.completed');
    show([picture(url, isLast ? body.prompt : 'the picture so far')]);
    if (isLast) {
      progress(null, `finished: ${event.size}, seed ${event.seed}`);
      offer(url, `picture.${event.output_format}`);
    }
  }
}

/** The events of a stream. */
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const data = text.slice(0, end).split('\n').filter((line) => line.startsWith('data: '));
      text = text.slice(end + 2);
      if (data.length) yield parsed(data.map((line) => line.slice(6)).join('\n'));
    }
  }
}

async function makeVideo(signal) {
  const body = { ...wanted(), format: element('format').value, partial_images: 3 };
  if (element('frames').value) body.num_frames = Number(element('frames').value);
  const file = element('image').files[0];
  if (file && state.capabilities.takes_pictures) body.input_reference = await base64(file);
  const created = await (await ask('/v1/videos', {
    method: 'POST', body: json(body), headers: { 'content-type': 'application/json' }, signal,
  })).json();
  const stop = () => ask(`/v1/videos/${created.id}`, { method: 'DELETE' }).catch(tell);
  signal.addEventListener('abort', stop);
  let video = created;
  while (video.status === 'queued' || video.status === 'in_progress') {
    await new Promise((resolve) => setTimeout(resolve, 700));
    if (signal.aborted) throw new DOMException('', 'AbortError');
    video = parsed(await (await ask(`/v1/videos/${created.id}`)).text());
  }
  signal.removeEventListener('abort', stop);
  if (video.status === 'failed') throw new Error(video.error.message);
  await showJob({ id: video.id, kind: 'video', prompt: video.prompt, count: 1, format: element('format').value });
  progress(null, `finished: ${video.size}, ${video.seconds} s, seed ${video.seed}`);
}

async function submit(event) {
  event.preventDefault();
  if (state.running) return;
  if (element('key').value) sessionStorage.setItem('key', element('key').value);
  if (!state.capabilities) { await begin(); if (!state.capabilities) return; }
  tell(null);
  offer(null);
  show([]);
  progress(0, 'asked for');
  state.running = new AbortController();
  element('go').disabled = true;
  element('stop').disabled = false;
  try {
    await (state.capabilities.makes === 'video' ? makeVideo : makePicture)(state.running.signal);
  } catch (error) {
    progress(null, error.name === 'AbortError' ? 'stopped' : '');
    if (error.name !== 'AbortError') tell(error);
  }
  state.running = null;
  element('go').disabled = false;
  element('stop').disabled = true;
  await refresh();
}

/** Shows what came of a job. */
async function showJob(job) {
  const nodes = [];
  for (let index = 0; index < job.count; index += 1) {
    const path = job.kind === 'video' ? `/v1/videos/${job.id}/content` : `/v1/images/${job.id}/content?i=${index}`;
    const url = address(await (await ask(path)).blob());
    if (job.kind === 'video' && (job.format === 'mp4' || job.format === 'webm')) {
      const video = document.createElement('video');
      Object.assign(video, { src: url, controls: true, loop: true, muted: true, autoplay: true });
      video.setAttribute('aria-label', job.prompt ?? 'the video');
      nodes.push(video);
    } else {
      nodes.push(picture(url, job.prompt ?? ''));
    }
    if (index === 0) offer(url, `${job.id}.${job.format}`);
  }
  show(nodes);
}

/** What a job is doing, in words. */
function doing(job) {
  if (job.status === 'in_progress') return `${job.stage}, ${job.progress} %`;
  return job.position ? `${job.status}, number ${job.position} in line` : job.status;
}

/** Shows what a video looks like so far. */
async function showPreview(job) {
  if (job.kind !== 'video' || !job.has_preview || state.shown === `${job.id} ${job.progress}`) return;
  state.shown = `${job.id} ${job.progress}`;
  const blob = await (await ask(`/v1/jobs/${job.id}/preview`)).blob();
  if (state.running) show([picture(address(blob), 'the video so far')]);
}

function line(job) {
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'show';
  const isOver = job.status === 'completed' || job.status === 'failed';
  button.disabled = job.status !== 'completed';
  const prompt = document.createElement('span');
  prompt.className = 'prompt';
  prompt.textContent = job.prompt ?? '';
  const detail = document.createElement('small');
  detail.textContent = [doing(job), job.size, `seed ${job.seed}`, job.error?.message].filter(Boolean).join(' · ');
  button.append(prompt, detail);
  button.addEventListener('click', () => showJob(job).then(() => progress(null, job.prompt ?? ''), tell));
  const remove = document.createElement('button');
  remove.type = 'button';
  remove.textContent = isOver ? 'Remove' : 'Stop';
  remove.setAttribute('aria-label', `${remove.textContent}: ${job.prompt ?? job.id}`);
  remove.addEventListener('click', async () => {
    try { await ask(`/v1/jobs/${job.id}`, { method: 'DELETE' }); await refresh(); } catch (error) { tell(error); }
  });
  item.append(button, remove);
  return item;
}

let lines = '';

/** Reads the jobs again, and how far the running one is. */
async function refresh() {
  const list = parsed(await (await ask(`/v1/jobs?limit=${Math.min(100, 10 * state.pages)}`)).text());
  element('more').hidden = !list.has_more;
  // The newest one that is not over is what this page asked for last.
  const own = list.data.find((job) => job.status === 'queued' || job.status === 'in_progress');
  if (state.running && own) {
    progress(own.progress, doing(own));
    await showPreview(own);
  }
  // Rebuilt only when it changed, so that the focus stays where it is.
  const text = JSON.stringify(list.data);
  if (text === lines) return;
  lines = text;
  const focused = [...element('jobs').querySelectorAll('button')].indexOf(document.activeElement);
  element('jobs').replaceChildren(...list.data.map(line));
  if (focused >= 0) element('jobs').querySelectorAll('button')[focused]?.focus();
}

element('form').addEventListener('submit', submit);
element('stop').addEventListener('click', () => state.running?.abort());
element('more').addEventListener('click', () => { state.pages += 1; lines = ''; refresh().catch(tell); });
element('key').addEventListener('change', () => { sessionStorage.setItem('key', element('key').value); begin(); });
let looks = 0;
setInterval(() => {
  looks += 1;
  // Four times a second while something of this page is made, else once.
  if (document.hidden || !state.capabilities || (!state.running && looks % 4)) return;
  refresh().catch(() => {});
}, 250);
begin();
