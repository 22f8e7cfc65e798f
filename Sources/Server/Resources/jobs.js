// What was made and what is being made: the latest one large, and all of them as a list.

import { $, address, ask, json, make, say } from './server.js';

const PAGE = 24;
const STAGES = {
  queued: 'waiting', loading: 'loading the model', text: 'reading the prompt', denoising: 'denoising',
  decoding: 'decoding', encoding: 'writing the file',
};
const [cards, own] = [new Map(), new Set()];
let [jobs, hasMore] = [[], false];

/** The jobs that were read so far, the newest first. */
export const known = () => jobs;
export const isOver = ({ status }) => status === 'completed' || status === 'failed';

/** Where a result lies, or a small image of it. */
export function place(job, index, isSmall) {
  if (job.kind === 'video') return `/v1/videos/${job.id}/content${isSmall ? '?variant=thumbnail' : ''}`;
  return `/v1/images/${job.id}/content?i=${index}${isSmall ? '&variant=thumbnail' : ''}`;
}

function load(node, path) {
  address(path).then((url) => { node.src = url; }, () => node.dispatchEvent(new Event('error')));
}

/** A result to look at, or a small image of it. */
export function media(job, index, isSmall) {
  const description = job.prompt ?? '';
  if (!isSmall && job.kind === 'video' && ['mp4', 'webm'].includes(job.format)) {
    const autoplay = !matchMedia('(prefers-reduced-motion: reduce)').matches;
    // Not muted: browsers let one with sound wait until the page was used.
    const video = make('video', {
      controls: true, loop: true, autoplay, playsInline: true, 'aria-label': description });
    load(video, place(job, index));
    return video;
  }
  const image = make('img', { alt: description, decoding: 'async', loading: isSmall ? 'lazy' : 'eager' });
  [image.width, image.height] = job.size.split('x');
  // No browser plays AVI.
  const takesSmall = isSmall || job.format === 'avi';
  // Images of earlier versions have no small one.
  if (takesSmall && job.kind === 'image') {
    image.addEventListener('error', () => load(image, place(job, index)), { once: true });
  }
  load(image, place(job, index, takesSmall));
  return image;
}

/** What a job is doing, or what it made, in a few words. */
export function words(job) {
  if (job.status === 'failed') return job.error?.message ?? 'failed';
  if (job.status === 'completed') {
    const count = job.count > 1 ? `${job.count} images · ` : '';
    return `${count}${job.size.replace('x', '×')} · seed ${job.seed}`;
  }
  if (job.status === 'queued') return job.position ? `waiting, number ${job.position} in line` : 'waiting';
  const isStep = job.stage === 'denoising' && job.steps;
  const step = isStep ? `, step ${Math.min(job.step + 1, job.steps)} of ${job.steps}` : '';
  return `${STAGES[job.stage] ?? job.stage}${step}`;
}

export async function remove(job) {
  await ask(`/v1/jobs/${job.id}`, { method: 'DELETE' });
  own.delete(job.id);
  await refresh();
}

function open(job, index) { document.dispatchEvent(new CustomEvent('open', { detail: { id: job.id, index } })); }

function cancelButton(job) {
  const label = `Cancel: ${job.prompt ?? job.id}`;
  const button = make('button', { type: 'button', className: 'cancel', 'aria-label': label }, 'Cancel');
  button.addEventListener('click', () => {
    button.disabled = true;
    remove(job).catch(() => { button.disabled = false; });
  });
  return button;
}

// The list.

function makeCard(job) {
  const card = { text: '', node: make('li', { className: 'card' }) };
  const prompt = make('p', { className: 'prompt' }, job.prompt ?? '');
  const detail = make('p', { className: 'detail' });
  const button = make('button', { type: 'button', className: 'open' }, make('span', { className: 'wait' }));
  const bar = make('progress', { max: 100, 'aria-label': 'Progress' });
  button.addEventListener('click', () => open(card.job, 0));
  card.node.append(button, prompt, detail, bar, cancelButton(job));
  card.update = (job) => {
    const text = JSON.stringify(job);
    if (text === card.text) return;
    [card.text, card.job, card.node.dataset.status] = [text, job, job.status];
    detail.textContent = words(job);
    [bar.value, bar.hidden, card.node.lastChild.hidden] = [job.progress, isOver(job), isOver(job)];
    if (!isOver(job) || button.dataset.status === job.status) return;
    button.dataset.status = job.status;
    const sign = (className, text) => make('span', { className, 'aria-hidden': 'true' }, text);
    if (job.status === 'failed') {
      button.replaceChildren(sign('sign', '!'), make('span', { className: 'unseen' }, `Failed: ${job.prompt ?? ''}`));
      return;
    }
    button.replaceChildren(media(job, 0, true));
    if (job.kind === 'video') button.append(sign('badge', '▶'));
    if (job.count > 1) button.append(sign('badge', `${job.count}`));
  };
  return card;
}

function show() {
  const list = $('jobs');
  const gone = [...cards.keys()].filter((id) => !jobs.some((job) => job.id === id));
  for (const id of gone) {
    const { node } = cards.get(id);
    const neighbour = node.contains(document.activeElement) ? node.nextSibling ?? node.previousSibling : null;
    node.remove();
    neighbour?.querySelector('button:enabled')?.focus();
    cards.delete(id);
  }
  jobs.forEach((job, index) => {
    if (!cards.has(job.id)) cards.set(job.id, makeCard(job));
    const card = cards.get(job.id);
    if (list.children[index] !== card.node) list.insertBefore(card.node, list.children[index] ?? null);
    card.update(job);
    card.node.querySelector('.open').disabled = !isOver(job);
  });
  $('empty').hidden = jobs.length > 0;
  $('older').hidden = !hasMore;
}

let last = Promise.resolve();

/** Reads the newest jobs again, one look after the other, so that none brings back what a later one saw go. */
export function refresh() {
  last = last.then(read, read);
  return last;
}

/** Reads the newest jobs; older ones that were read before stay. */
async function read() {
  const busy = jobs.findLastIndex((job) => !isOver(job)) + 1;
  // What is made next is the oldest of those that wait: it may stand beyond the page.
  const isCut = hasMore && busy > 0 && busy === jobs.length;
  const limit = Math.min(100, Math.max(PAGE, isCut ? busy + PAGE : busy));
  const page = await json(await ask(`/v1/jobs?limit=${limit}`));
  const before = new Map(jobs.map((job) => [job.id, job]));
  const end = jobs.findIndex((job) => job.id === page.data.at(-1)?.id);
  const older = page.has_more && end >= 0 ? jobs.slice(end + 1) : [];
  if (!older.length) hasMore = page.has_more;
  jobs = [...page.data, ...older];
  for (const job of page.data) tellEnd(job, before.get(job.id));
  show();
  await follow();
}

/** Whether something is not over, so that a look now and then is worth while. */
export const isBusy = () => jobs.some((job) => !isOver(job));

function tellEnd(job, before) {
  if (!own.has(job.id) || !isOver(job) || before?.status === job.status) return;
  say(job.status === 'failed' ? `Failed: ${words(job)}` : `Finished: ${job.prompt}`);
}

$('older').addEventListener('click', async () => {
  const first = jobs.length;
  try {
    const page = await json(await ask(`/v1/jobs?limit=${PAGE}&after=${jobs.at(-1).id}`));
    [jobs, hasMore] = [[...jobs, ...page.data], page.has_more];
    show();
    $('jobs').children[first]?.querySelector('button:enabled')?.focus();
  } catch (error) { say(error.message); }
});
document.addEventListener('accepted', ({ detail }) => {
  own.add(detail);
  refresh().then(() => { if (innerWidth < 860) $('stage').scrollIntoView({ block: 'nearest' }); }, () => {});
});

// The latest one.

const stage = { id: null, status: null, previews: 0, url: null, quarter: 0 };

/** What is shown large: what is being made, else what was asked for here, else what was made last. */
function latest() {
  const waiting = jobs.filter((job) => job.status === 'queued').sort((one, other) => one.position - other.position);
  return jobs.find((job) => job.status === 'in_progress') ?? waiting[0]
    ?? jobs.find((job) => own.has(job.id)) ?? jobs.find((job) => job.status === 'completed');
}

async function follow() {
  const job = latest();
  $('stage').hidden = !job;
  document.title = job && !isOver(job) ? `${job.progress} % · VisualGen` : 'VisualGen';
  if (!job) { stage.id = null; return; }
  if (stage.id !== job.id || stage.status !== job.status) showStage(job);
  if (isOver(job)) return;
  const details = await json(await ask(`/v1/jobs/${job.id}`)).catch(() => null);
  if (!details || stage.id !== job.id || isOver(details)) return;
  const text = words(details);
  $('stage-state').textContent = text[0].toUpperCase() + text.slice(1);
  const bar = $('stage-progress');
  if (details.status === 'in_progress') bar.value = details.progress; else bar.removeAttribute('value');
  const quarter = Math.floor(details.progress / 25);
  if (own.has(job.id) && `${details.stage}${quarter}` !== stage.quarter) say(`${text}, ${details.progress} %`);
  stage.quarter = `${details.stage}${quarter}`;
  if (details.previews > stage.previews) await showPreview(job, details.previews);
}

async function showPreview(job, previews) {
  const blob = await (await ask(`/v1/jobs/${job.id}/preview`)).blob().catch(() => null);
  if (!blob || stage.id !== job.id || stage.status !== job.status) return;
  if (stage.url) URL.revokeObjectURL(stage.url);
  [stage.previews, stage.url] = [previews, URL.createObjectURL(blob)];
  const [width, height] = job.size.split('x');
  const alt = `So far: ${job.prompt ?? ''}`;
  $('stage-media').replaceChildren(make('img', { src: stage.url, alt, width, height, className: 'preview' }));
  cards.get(job.id)?.node.querySelector('.open').replaceChildren(make('img', { src: stage.url, alt: '' }));
}

function showStage(job) {
  Object.assign(stage, { id: job.id, status: job.status, previews: 0, quarter: 0 });
  const box = make('div', { id: 'stage-media' });
  const [width, height] = job.size.split('x');
  box.style.setProperty('--width', width);
  box.style.setProperty('--height', height);
  const line = make('p', { id: 'stage-state', className: job.status === 'failed' ? 'problem' : '' }, words(job));
  const caption = make('div', { className: 'caption' }, make('p', { className: 'prompt' }, job.prompt ?? ''), line);
  $('stage').replaceChildren(box, caption);
  $('stage').dataset.status = job.status;
  if (job.status === 'completed') {
    box.classList.toggle('several', job.count > 1);
    for (let index = 0; index < job.count; index += 1) {
      const node = media(job, index);
      if (node.tagName === 'VIDEO') {
        if ($('view').open) node.autoplay = false;
        box.append(node);
        continue;
      }
      const button = make('button', { type: 'button', className: 'open' }, node);
      button.addEventListener('click', () => open(job, index));
      box.append(button);
    }
    const more = make('button', { type: 'button' }, 'Look closer');
    more.addEventListener('click', () => open(job, 0));
    caption.append(more);
  } else if (!isOver(job)) {
    box.append(make('div', { className: 'wait' }));
    caption.append(make('progress', { id: 'stage-progress', max: 100, 'aria-label': 'Progress' }), cancelButton(job));
  }
}
