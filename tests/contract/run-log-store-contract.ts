import { expect } from 'vitest';
import {
  LOG_STREAMS,
  type LogReadLimits,
  type LogStream,
  type StoredLines,
} from '../../server/domain/logs/run-log.ts';
import type { RunLogStore } from '../../server/storage/storage.ts';
import { makeChunk, minutesAfter, NOON } from '../support/make.ts';
import { type OpenStorage, storageTest } from './opened-storage.ts';

const PLENTY: LogReadLimits = { maxLines: 1_000_000, maxBytes: 100_000_000 };

/** Lines in, lines out. */
export function describeRunLogStore(open: OpenStorage, stream: LogStream): void {
  const test = storageTest(open);

  test('tells when lines were written, where that is known', async ({ runLogs }) => {
    await runLogs.append('run', stream, makeChunk(1, ['1', '2', '3']));
    await runLogs.append('run', stream, { ...makeChunk(4, ['4', '5']), writtenAt: NOON });
    await runLogs.append('run', stream, { ...makeChunk(6, ['6']), writtenAt: minutesAfter(NOON, 1) });
    const times = [
      { firstLine: 1, writtenAt: null },
      { firstLine: 4, writtenAt: NOON },
      { firstLine: 6, writtenAt: minutesAfter(NOON, 1) },
    ];
    expect(await runLogs.times('run', stream, 1, 100, 10)).toEqual(times);
    expect(await runLogs.times('run', stream, 1, 5, 10)).toEqual(times.slice(0, 2));
    expect(await runLogs.times('run', stream, 5, 6, 10)).toEqual([
      { firstLine: 5, writtenAt: NOON },
      times[2],
    ]);
    expect(await runLogs.times('run', stream, 1, 100, 1)).toEqual(times.slice(0, 1));
    expect(await runLogs.times('other', stream, 1, 100, 10)).toEqual([]);
  });

  test('has nothing of a run that wrote nothing', async ({ runLogs }) => {
    expect(await runLogs.head('none', stream)).toEqual({ totalLines: 0, endOffset: 0 });
    expect(await runLogs.read('none', stream, 0, PLENTY)).toEqual({
      firstLine: 1,
      lineCount: 0,
      text: '',
      isCut: false,
    });
    expect(await runLogs.read('none', stream, 7, PLENTY)).toEqual({
      firstLine: 8,
      lineCount: 0,
      text: '',
      isCut: false,
    });
    expect(await runLogs.heads(['none'], stream)).toEqual(
      new Map([['none', { totalLines: 0, endOffset: 0 }]]),
    );
    expect(await runLogs.heads([], stream)).toEqual(new Map());
  });

  test('appends just behind the last line and nowhere else', async ({ runLogs }) => {
    expect(await runLogs.append('r', stream, makeChunk(2, ['too late']))).toBe(false);
    expect(await runLogs.append('r', stream, makeChunk(1, ['a', 'b'], 40))).toBe(true);
    expect(await runLogs.append('r', stream, makeChunk(1, ['a', 'b'], 40))).toBe(false);
    expect(await runLogs.append('r', stream, makeChunk(2, ['x'], 50))).toBe(false);
    expect(await runLogs.append('r', stream, makeChunk(4, ['x'], 50))).toBe(false);
    expect(await runLogs.append('r', stream, makeChunk(3, ['c'], 60))).toBe(true);

    expect(await readText(runLogs, stream, 'r', 0)).toBe('a\nb\nc');
    expect(await runLogs.head('r', stream)).toEqual({ totalLines: 3, endOffset: 60 });
  });

  test('two writers at once make a log without gaps or doubles', async ({ runLogs }) => {
    const write = async (writer: string) => {
      let written = 0;
      while (written < 25) {
        const { totalLines } = await runLogs.head('r', stream);
        const lines = Array.from({ length: 1 + (written % 3) }, (_, i) => `${writer} ${written} ${i}`);
        if (await runLogs.append('r', stream, makeChunk(totalLines + 1, lines, totalLines + lines.length)))
          written += 1;
      }
    };

    await Promise.all([write('a'), write('b')]);

    const { totalLines } = await runLogs.head('r', stream);
    const { lineCount, text } = await runLogs.read('r', stream, 0, PLENTY);
    const lines = text.split('\n');
    expect(lineCount).toBe(totalLines);
    expect(lines).toHaveLength(totalLines);
    expect(new Set(lines).size).toBe(totalLines);
    expect(totalLines).toBe(98);
  });

  test('the same chunk from two writers is stored once', async ({ runLogs }) => {
    const results = await Promise.all(
      [1, 2, 3, 4].map(() => runLogs.append('r', stream, makeChunk(1, ['once', 'only']))),
    );

    expect(results.filter(Boolean)).toHaveLength(1);
    expect(await readText(runLogs, stream, 'r', 0)).toBe('once\nonly');
  });

  test('keeps the logs of runs apart, also when one id begins with another', async ({ runLogs }) => {
    await runLogs.append('r', stream, makeChunk(1, ['r 1']));
    await runLogs.append('r2', stream, makeChunk(1, ['r2 1', 'r2 2'], 99));
    await runLogs.append('r:2', stream, makeChunk(1, ['r:2 1', 'r:2 2', 'r:2 3']));
    await runLogs.append('q', stream, makeChunk(1, ['q 1']));

    expect(await readText(runLogs, stream, 'r', 0)).toBe('r 1');
    expect(await readText(runLogs, stream, 'r2', 0)).toBe('r2 1\nr2 2');
    expect(await runLogs.read('r', stream, 1, PLENTY)).toEqual({
      firstLine: 2,
      lineCount: 0,
      text: '',
      isCut: false,
    });
    expect(await runLogs.append('r', stream, makeChunk(2, ['r 2']))).toBe(true);
    expect(await runLogs.heads(['r2', 'none', 'r'], stream)).toEqual(
      new Map([
        ['r2', { totalLines: 2, endOffset: 99 }],
        ['none', { totalLines: 0, endOffset: 0 }],
        ['r', { totalLines: 2, endOffset: 3 }],
      ]),
    );
  });

  test('reads from every line to every line, over the borders of chunks', async ({ runLogs }) => {
    const chunks = [['1'], ['2', 'zwei', ''], ['', ''], ['Ü7', '8'], ['']];
    const all = await appendAll(runLogs, stream, 'r', chunks);

    for (let after = 0; after <= all.length + 1; after += 1) {
      for (let maxLines = 1; maxLines <= all.length + 1; maxLines += 1) {
        const read = await runLogs.read('r', stream, after, { ...PLENTY, maxLines });
        expect(read, `${maxLines} after ${after}`).toEqual(expectedLines(all, after, maxLines));
      }
    }
  });

  test('keeps empty lines, also chunks of nothing else', async ({ runLogs }) => {
    await appendAll(runLogs, stream, 'r', [[''], [''], ['', '', ''], ['x', ''], ['']]);

    expect(await runLogs.read('r', stream, 0, PLENTY)).toEqual({
      firstLine: 1,
      lineCount: 8,
      text: '\n\n\n\n\nx\n\n',
      isCut: false,
    });
    expect(await runLogs.read('r', stream, 0, { ...PLENTY, maxLines: 1 })).toEqual({
      firstLine: 1,
      lineCount: 1,
      text: '',
      isCut: true,
    });
    expect(await runLogs.read('r', stream, 4, { ...PLENTY, maxLines: 2 })).toEqual({
      firstLine: 5,
      lineCount: 2,
      text: '\nx',
      isCut: true,
    });
  });

  test('gives no more bytes than asked for, but always a line', async ({ runLogs }) => {
    const lines = ['aaaa', 'bbbb', 'ÄÄ', '', 'x'.repeat(1_000), 'cc', 'dd'];
    for (const chunks of [[lines], lines.map((line) => [line]), [lines.slice(0, 3), lines.slice(3)]]) {
      const runId = `run-${chunks.length}`;
      await appendAll(runLogs, stream, runId, chunks);

      for (let after = 0; after < lines.length; after += 1) {
        for (const maxBytes of [1, 4, 5, 9, 10, 11, 14, 15, 16, 999, 1_000, 1_001, 1_016, 5_000]) {
          const read = await runLogs.read(runId, stream, after, { maxLines: 100, maxBytes });
          const expected = expectedLines(lines, after, read.lineCount);
          expect(read, `${maxBytes} bytes after ${after}`).toEqual({
            ...expected,
            isCut: after + read.lineCount < lines.length,
          });
          expect(read.lineCount).toBeGreaterThan(0);
          const bytes = Buffer.byteLength(read.text);
          if (read.lineCount > 1) expect(bytes).toBeLessThanOrEqual(maxBytes);
          // and it does not stop early: one more line would have been too much
          const next = lines[after + read.lineCount];
          if (next !== undefined) expect(bytes + 1 + Buffer.byteLength(next) + 1).toBeGreaterThan(maxBytes);
        }
      }
    }
  });

  test('a reader that goes on where it stopped gets every line once', async ({ runLogs }) => {
    const chunks = Array.from({ length: 30 }, (_, chunk) =>
      Array.from({ length: (chunk % 5) + 1 }, (_, line) => `${chunk}.${line} ${'é'.repeat(chunk % 7)}`),
    );
    const all = await appendAll(runLogs, stream, 'r', chunks);

    for (const limits of [
      { maxLines: 1, maxBytes: 1_000 },
      { maxLines: 7, maxBytes: 1_000 },
      { maxLines: 1_000, maxBytes: 50 },
      { maxLines: 1_000, maxBytes: 1 },
    ]) {
      const read: string[] = [];
      for (;;) {
        const { firstLine, lineCount, text } = await runLogs.read('r', stream, read.length, limits);
        if (lineCount === 0) break;
        expect(firstLine).toBe(read.length + 1);
        expect(text.split('\n')).toHaveLength(lineCount);
        read.push(...text.split('\n'));
      }
      expect(read).toEqual(all);
    }
  });

  test('reads a log of very many chunks of one line', async ({ runLogs }) => {
    const all = await appendAll(
      runLogs,
      stream,
      'r',
      Array.from({ length: 700 }, (_, n) => [`line ${n}`]),
    );

    expect(await runLogs.read('r', stream, 0, PLENTY)).toEqual({
      ...expectedLines(all, 0, 701),
      isCut: false,
    });
    expect(await runLogs.read('r', stream, 3, { ...PLENTY, maxLines: 300 })).toEqual(
      expectedLines(all, 3, 300),
    );
  });

  test('keeps any text, unpaired surrogates as U+FFFD', async ({ runLogs }) => {
    const lines = [
      '\0',
      'a\0b',
      '\u001b[31mred\u001b[0m',
      '\r',
      '\u2028',
      '日本 😀',
      '\ud800',
      '\ufeffbom',
      'tab\t',
    ];
    await runLogs.append('r', stream, makeChunk(1, lines));

    const { text } = await runLogs.read('r', stream, 0, PLENTY);

    expect(text.split('\n')).toEqual(lines.map((line) => line.toWellFormed()));
    expect((await runLogs.read('r', stream, 7, PLENTY)).text).toBe('\ufeffbom\ntab\t');
    expect((await runLogs.read('r', stream, 1, { ...PLENTY, maxLines: 1 })).text).toBe('a\0b');
  });

  test('takes a chunk of 1 MB and a log of 5 MB', async ({ runLogs }) => {
    const line = 'ok: [host] => äöü 😀 '.padEnd(1_000, 'x');
    const chunks = Array.from({ length: 5 }, (_, chunk) =>
      Array.from({ length: 1_000 }, (_, i) => `${chunk * 1_000 + i} ${line}`),
    );
    const all = await appendAll(runLogs, stream, 'r', chunks);

    const whole = await runLogs.read('r', stream, 0, PLENTY);
    expect(whole.lineCount).toBe(5_000);
    expect(whole.text === all.join('\n')).toBe(true);
    const middle = await runLogs.read('r', stream, 2_998, { maxLines: 4, maxBytes: 1_000_000 });
    expect(middle).toEqual(expectedLines(all, 2_998, 4));
    expect((await runLogs.head('r', stream)).totalLines).toBe(5_000);
  });
}

/** Each stream of a run is a log of its own. */
export function describeLogStreams(open: OpenStorage): void {
  const test = storageTest(open);

  test('keeps the streams of a run apart, line for line and byte for byte', async ({ runLogs }, {
    reopen,
  }) => {
    for (const stream of LOG_STREAMS) {
      expect(await runLogs.append('r', stream, makeChunk(1, [`${stream} 1`, `${stream} 2`], 20))).toBe(true);
      expect(await runLogs.append('r', stream, makeChunk(1, ['again'], 5))).toBe(false);
    }
    expect(await runLogs.append('r', 'events', makeChunk(3, ['events 3'], 30))).toBe(true);
    expect(await runLogs.append('only output', 'output', makeChunk(1, ['x'], 2))).toBe(true);

    for (const isReopened of [false, true]) {
      const store = isReopened ? (await reopen()).runLogs : runLogs;
      expect(await readText(store, 'output', 'r', 0)).toBe('output 1\noutput 2');
      expect(await readText(store, 'events', 'r', 0)).toBe('events 1\nevents 2\nevents 3');
      expect(await readText(store, 'events', 'only output', 0)).toBe('');
      expect(await store.head('r', 'output')).toEqual({ totalLines: 2, endOffset: 20 });
      expect(await store.heads(['r', 'only output'], 'events')).toEqual(
        new Map([
          ['r', { totalLines: 3, endOffset: 30 }],
          ['only output', { totalLines: 0, endOffset: 0 }],
        ]),
      );
    }
  });

  test('keeps them apart while both are appended to at once, also long ones that are packed', async ({
    runLogs,
  }) => {
    const write = async (stream: LogStream) => {
      const all: string[] = [];
      for (let n = 0; n < 20; n += 1) {
        const lines = [`${stream} ${n}`, stream.repeat(n % 2 === 0 ? 1 : 5_000)];
        expect(await runLogs.append('r', stream, makeChunk(all.length + 1, lines))).toBe(true);
        all.push(...lines);
      }
      return all;
    };

    const [output = [], events = []] = await Promise.all(LOG_STREAMS.map(write));

    expect((await readText(runLogs, 'output', 'r', 0)) === output.join('\n')).toBe(true);
    expect((await readText(runLogs, 'events', 'r', 0)) === events.join('\n')).toBe(true);
  });
}

/** @returns all lines */
async function appendAll(
  runLogs: RunLogStore,
  stream: LogStream,
  runId: string,
  chunks: readonly (readonly string[])[],
): Promise<string[]> {
  const all: string[] = [];
  for (const lines of chunks) {
    expect(await runLogs.append(runId, stream, makeChunk(all.length + 1, lines))).toBe(true);
    all.push(...lines);
  }
  return all;
}

async function readText(
  runLogs: RunLogStore,
  stream: LogStream,
  runId: string,
  after: number,
): Promise<string> {
  return (await runLogs.read(runId, stream, after, PLENTY)).text;
}

function expectedLines(all: readonly string[], after: number, maxLines: number): StoredLines {
  const lines = all.slice(after, after + maxLines);
  const isCut = lines.length === maxLines;
  return { firstLine: after + 1, lineCount: lines.length, text: lines.join('\n'), isCut };
}
