import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT, SetupError, say } from './setup-error.mjs';

const LOCK = join(ROOT, '.setup-lock');
const OWNER = join(LOCK, 'pid');
const BREAKING = join(LOCK, 'breaking');
/** Longer than it takes to write the owner into a new lock, or to remove a stale one. */
const HALF_MADE_MS = 10_000;
const WAIT_MS = 250;

/** One set-up at a time in this folder: a second one waits, and then finds everything done. */
export async function withSetupLock(work) {
  let isSaid = false;
  while (!takeLock()) {
    if (!isSaid) say('Another set-up is running in this folder; waiting for it.');
    isSaid = true;
    await delay(WAIT_MS);
  }
  // also when a step ends the process because of a signal
  const release = () => rmSync(LOCK, { recursive: true, force: true });
  process.on('exit', release);
  try {
    await work();
  } finally {
    release();
    process.off('exit', release);
  }
}

function takeLock() {
  try {
    mkdirSync(LOCK);
    writeFileSync(OWNER, `${process.pid} ${startTime(process.pid)}`);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST')
      throw new SetupError(`The folder ${ROOT} cannot be written (${error.code}).`);
  }
  const stale = findStale();
  if (stale !== null) breakLock(stale);
  return false;
}

/** Two that wait may both see a stale lock: only one may remove it, and not the lock that the other takes next. */
function breakLock(stale) {
  try {
    mkdirSync(BREAKING);
  } catch {
    if (age(BREAKING) > HALF_MADE_MS) rmSync(BREAKING, { recursive: true, force: true });
    return;
  }
  if (identity() !== stale) {
    rmSync(BREAKING, { recursive: true, force: true });
    return;
  }
  const removed = `${LOCK}.${process.pid}`;
  renameSync(LOCK, removed);
  rmSync(removed, { recursive: true, force: true });
}

/** The identity of the lock when the set-up that took it is gone; null while it runs, or when there is no lock. */
function findStale() {
  const found = identity();
  const [pid, startedAt] = readOwner();
  if (pid === '') return age(LOCK) > HALF_MADE_MS ? found : null;
  return isAlive(Number(pid)) && startTime(Number(pid)) === startedAt ? null : found;
}

/** Differs for any two locks, also for those whose owner is not written yet. */
function identity() {
  const made = statSync(LOCK, { throwIfNoEntry: false });
  return made === undefined ? null : [made.ino, made.birthtimeMs, ...readOwner()].join(' ');
}

/** Number and start of the process that took the lock; empty while it is being made, or was left half-made. */
function readOwner() {
  try {
    const [pid = '', startedAt = ''] = readFileSync(OWNER, 'utf8').split(' ');
    return [pid, startedAt];
  } catch {
    return ['', ''];
  }
}

function age(path) {
  const made = statSync(path, { throwIfNoEntry: false });
  return made === undefined ? 0 : Date.now() - made.mtimeMs;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Tells a process from a later one with the same number (in containers numbers come again at once); Linux only. */
function startTime(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ')[19];
  } catch {
    return '';
  }
}
