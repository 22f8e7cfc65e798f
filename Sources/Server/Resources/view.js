// The large view: one result, how it was made, and what can be done with it.

import { heeded, reuse } from './form.js';
import { isOver, known, media, place, remove } from './jobs.js';
import { $, address, ask, json, make, say } from './server.js';

/** What is shown, and what is to be shown as soon as the server has told of it. */
let [shown, wanted] = [null, null];

/** Every result that was read so far, in the list's order. */
function results() {
  return known().filter(isOver).flatMap((job) => {
    const count = job.status === 'completed' ? job.count : 1;
    return Array.from({ length: count }, (_, index) => ({ id: job.id, index }));
  });
}

const seconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
const bytes = (count) => count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;

/** What a job was asked for and how long it took, as names and texts. */
function settings(job, index) {
  const rows = [['Size', job.size.replace('x', ' × ')]];
  if (job.num_frames) {
    const length = (job.num_frames / job.fps).toFixed(1);
    rows.push(['Length', `${job.num_frames} frames at ${job.fps} a second: ${length} s`]);
  }
  rows.push(['Seed', job.seed], ['Steps', job.num_inference_steps]);
  if (heeded('guidance_scale')) rows.push(['Guidance', job.guidance_scale]);
  const needs = heeded('negative_prompt')?.needs;
  const decides = needs ? job[needs.field] ?? job.extra_params[needs.field] : 0;
  if (!needs || decides > needs.above) rows.push(['Negative prompt', job.negative_prompt]);
  if (job.count > 1) rows.push(['Image', `${index + 1} of ${job.count}`]);
  for (const [name, value] of Object.entries(job.extra_params)) {
    if (value !== heeded(name)?.default) rows.push([name.replaceAll('_', ' '), [value].flat().join(', ')]);
  }
  if (job.timings) {
    const { total, denoise, decode } = job.timings;
    rows.push(['Time', `${seconds(total)}: denoising ${seconds(denoise)}, decoding ${seconds(decode)}`]);
  }
  rows.push(['File', [job.format.toUpperCase(), job.bytes ? bytes(job.bytes) : null].filter(Boolean).join(', ')]);
  rows.push(['Made', new Date(1000 * (job.completed_at ?? job.created_at)).toLocaleString()]);
  return rows.filter(([, value]) => value !== undefined && value !== null && value !== '');
}

async function showResult(result) {
  const { id, index } = wanted = result;
  let job;
  try { job = await json(await ask(`/v1/jobs/${id}`)); } catch (error) {
    if ($('view').open) $('view-problem').textContent = error.message; else say(error.message);
    return;
  }
  if (wanted !== result) return;
  shown = { id, index, job };
  const isDone = job.status === 'completed';
  $('view-title').textContent = job.prompt ?? '';
  const [width, height] = job.size.split('x');
  $('view-media').style.setProperty('--width', width);
  $('view-media').style.setProperty('--height', height);
  $('view-media').replaceChildren(
    isDone ? media(job, index) : make('p', { className: 'problem' }, job.error?.message ?? 'failed'));
  $('settings').replaceChildren(
    ...settings(job, index).flatMap(([name, value]) => [make('dt', {}, name), make('dd', {}, `${value}`)]));
  $('inputs').hidden = job.inputs.length === 0;
  $('inputs').replaceChildren(...job.inputs.map((input) => {
    const image = make('img', { alt: `${input.role.replace('_', ' ')}: ${input.name}` });
    address(`/v1/jobs/${id}/inputs/${input.index}`).then((url) => { image.src = url; }, () => image.remove());
    return image;
  }));
  const all = results();
  const at = all.findIndex((other) => other.id === id && other.index === index);
  [$('previous').disabled, $('next').disabled] = [at <= 0, at < 0 || at === all.length - 1];
  $('place').textContent = `${at + 1} of ${all.length}`;
  $('view-problem').textContent = '';
  disarm();
  // One sound at a time.
  for (const video of document.querySelectorAll('#stage video')) video.pause();
  if (!$('view').open) $('view').showModal();
  $('download').hidden = !isDone;
  if (!isDone) return;
  const name = (job.prompt ?? '').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '').slice(0, 40);
  $('download').download = `${name || job.id}-${job.seed}${job.count > 1 ? `-${index + 1}` : ''}.${job.format}`;
  address(place(job, index)).then((url) => { $('download').href = url; }, () => {});
}

/** Goes to a neighbour; the focus stays where it is, unless its button has no more to do. */
function go(by) {
  const all = results();
  const at = all.findIndex(({ id, index }) => id === wanted.id && index === wanted.index);
  const other = all[at + by];
  if (other) showResult(other).then(() => { if (document.activeElement?.disabled) $('close').focus(); });
}

function disarm() { [$('delete').textContent, $('delete').dataset.armed] = ['Delete', '']; }

$('previous').addEventListener('click', () => go(-1));
$('next').addEventListener('click', () => go(1));
function close() {
  wanted = null;
  $('view').close();
}

$('close').addEventListener('click', close);
$('view').addEventListener('click', (event) => { if (event.target === $('view')) close(); });
$('view').addEventListener('cancel', () => { wanted = null; });
// This comes a little later than the view goes: another result may be wanted by then.
$('view').addEventListener('close', () => { if (!wanted) $('view-media').replaceChildren(); });
$('view').addEventListener('keydown', (event) => {
  if (event.target.tagName === 'VIDEO' || event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === 'ArrowLeft') go(-1);
  if (event.key === 'ArrowRight') go(1);
});
$('delete').addEventListener('blur', disarm);
$('delete').addEventListener('click', async () => {
  if (!$('delete').dataset.armed) {
    [$('delete').textContent, $('delete').dataset.armed] = ['Delete for good', 'yes'];
    return;
  }
  const all = results();
  const at = all.findIndex(({ id }) => id === shown.id);
  const next = all.slice(at).find(({ id }) => id !== shown.id) ?? all[at - 1];
  try {
    await remove(shown.job);
    say('Deleted.');
    if (next) await showResult(next); else close();
  } catch (error) { $('view-problem').textContent = error.message; }
});
$('again').addEventListener('click', async () => {
  const { job } = shown;
  close();
  await reuse(job).catch((error) => say(error.message));
});
document.addEventListener('open', ({ detail }) => showResult(detail));
