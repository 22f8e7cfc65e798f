// The page of the server: it begins here, and looks again as long as it is open.

import { build } from './form.js';
import { isBusy, refresh } from './jobs.js';
import { $, ask, json } from './server.js';
import './view.js';

let isBuilt = false;

async function look() {
  try {
    if (!isBuilt) {
      build(await json(await ask('/v1/capabilities')));
      isBuilt = true;
    }
    await refresh();
  } catch (error) {
    // Said where it happened: at the key, or above everything.
  }
}

let timer;
async function keepLooking() {
  clearTimeout(timer);
  if (!$('key-dialog').open && !document.hidden) await look();
  timer = setTimeout(keepLooking, isBusy() ? 400 : 3000);
}

document.addEventListener('key', keepLooking);
document.addEventListener('visibilitychange', () => { if (!document.hidden) keepLooking(); });
keepLooking();
