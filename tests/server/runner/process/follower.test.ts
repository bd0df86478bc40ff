import { appendFileSync, closeSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { followFile } from '../../../../server/runner/process/follower.ts';
import type { StreamLimit } from '../../../../server/runner/process/stream-limit.ts';
import { textOf } from '../../../support/make-runner.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

const NO_LIMIT: StreamLimit = {
  headEnd: () => Number.MAX_SAFE_INTEGER,
  restOf: async (_fd, _offset, end) => ({ gap: null, end }),
  punchedBytes: () => 0,
  stop: () => undefined,
};

/** A file that is held open as a spool folder holds its streams. */
async function makeFile(text: string) {
  const folder = await makeTempDir();
  const path = join(folder.path, 'events.jsonl');
  writeFileSync(path, text);
  const fd = openSync(path, 'r');
  onTestFinished(async () => {
    closeSync(fd);
    await folder.remove();
  });
  return { path, held: { fd, path, release: () => undefined } };
}

it('stops where the file ended when its program did, whoever goes on writing to it', async () => {
  const { path, held } = await makeFile('one\n');
  const ended = Promise.resolve();
  await ended;
  let text = '';
  for await (const bytes of followFile('events', held, 0, ended, NO_LIMIT)) {
    text += textOf(bytes);
    appendFileSync(path, 'by what was left behind\n');
  }
  expect(text).toMatch(/^one\n(by what was left behind\n)?$/);
});

it('stops although it is cut short again and again after the end', async () => {
  const { path, held } = await makeFile('one\ntwo\n');
  let text = '';
  for await (const bytes of followFile('output', held, 0, Promise.resolve(), NO_LIMIT)) {
    text += textOf(bytes);
    truncateSync(path, 0);
  }
  expect(text).toMatch(/^one\ntwo\n(\n\[Sible: its output file was cut short[^\n]*\]\n)?$/);
});

it('takes blanks for output where a hole behind them was punched by Sible itself', async () => {
  const blanks = 131_072;
  const punched = 209_715_200;
  const { path, held } = await makeFile('\0'.repeat(blanks));
  truncateSync(path, blanks + punched);
  const limit: StreamLimit = { ...NO_LIMIT, headEnd: () => blanks, punchedBytes: () => punched };
  let read = 0;
  for await (const piece of followFile('output', held, 0, Promise.resolve(), {
    ...limit,
    restOf: async () => ({ gap: null, end: 0 }),
  })) {
    expect(textOf(piece)).not.toContain('Sible');
    read += textOf(piece).length;
  }
  expect(read).toBe(blanks);
});

it('reads what was written before the end although the end is noticed first', async () => {
  const { path, held } = await makeFile('');
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const all = (async () => {
    let text = '';
    for await (const bytes of followFile('output', held, 0, ended, NO_LIMIT)) text += textOf(bytes);
    return text;
  })();
  appendFileSync(path, 'late\n');
  end();
  expect(await all).toBe('late\n');
});

it.each([
  ['before', true],
  ['after', false],
])('without a file, ends when it is given up %s it is asked', async (_, isBefore) => {
  const abort = new AbortController();
  if (isBefore) abort.abort();
  const never = new Promise<void>(() => undefined);
  const next = followFile('events', null, 0, never, NO_LIMIT, abort.signal).next();
  abort.abort();
  expect(await next).toEqual({ done: true, value: undefined });
});
