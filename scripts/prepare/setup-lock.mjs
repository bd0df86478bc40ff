import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Something that the person who started it can do something about: the message says what. */
export class SetupError extends Error {}

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOCK = `${ROOT}.setup-lock`;
const HALF_MADE_MS = 10_000;

/** One set-up at a time in this folder; a second one waits, and finds everything done. */
export async function withSetupLock(work) {
  let isSaid = false;
  while (!takeLock()) {
    if (!isSaid) say('Another set-up is running in this folder; waiting for it.');
    isSaid = true;
    await delay(500);
  }
  try {
    await work();
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function takeLock() {
  try {
    mkdirSync(LOCK);
    writeFileSync(`${LOCK}/pid`, String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new SetupError(`The folder ${ROOT} cannot be written (${error.code}).`);
  }
  if (isStale()) rmSync(LOCK, { recursive: true, force: true });
  return false;
}

/** Whether the lock was left behind by a set-up that is gone. */
function isStale() {
  try {
    return !isAlive(Number(readFileSync(`${LOCK}/pid`, 'utf8')));
  } catch {
    // being made at this moment, or left half-made
    const made = statSync(LOCK, { throwIfNoEntry: false });
    return made !== undefined && Date.now() - made.mtimeMs > HALF_MADE_MS;
  }
}

function isAlive(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

export function say(text) {
  process.stdout.write(`${text}\n`);
}
