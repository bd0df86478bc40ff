import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { TIMINGS } from '../../server/timings.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const run = promisify(execFile);

/** Indented blocks of the section on the API, in their order. */
function examples(): string[] {
  const readme = readFileSync('README.md', 'utf8');
  const [, section = ''] = /\n## The API\n([\s\S]*?)\n## /.exec(readme) ?? [];
  return section.split('\n\n').filter((block) => block.startsWith('    '));
}

describe('the examples of the README', () => {
  it('work as they are written, one after the other', () =>
    withServer(
      { storage: SQLITE, ansible: 'real', env: { SIBLE_OPEN: '' }, timings: TIMINGS },
      async ({ server, dataDir }) => {
        const blocks = examples();
        expect(blocks.length).toBeGreaterThanOrEqual(6);
        const { port } = new URL(server.url);
        // only the port, and where the data folder is, differ from a fresh start
        const script = blocks.map((block) => `${block}\necho; echo '=== next ==='`).join('\n');
        expect(script.match(/localhost:4000/g)?.length).toBeGreaterThanOrEqual(8);
        const { stdout } = await run(
          'sh',
          [
            '-euc',
            `curl() { command curl -sS --fail-with-body "$@"; }\n${script}`.replaceAll(':4000', `:${port}`),
          ],
          { cwd: join(dataDir, '..'), timeout: 60_000 },
        );
        const outputs = stdout.split('=== next ===').map((output) => output.trim());
        expect(stdout).not.toMatch(/"errors?":|Error/);
        const expected = [
          /^$/, // the file of the header
          /^\[\{"id":"[^"]+","name":"hello.yaml".*\}\]$/,
          /"description":"At 02:30.*"fires":\["/,
          /^$/, // the run
          /PLAY \[[\s\S]*PLAY RECAP[\s\S]*event: next\ndata: .*PLAY RECAP[\s\S]*event: complete/,
          /^\{"data":\{"schedules":\{"edges":\[\]\}\}\}$/,
        ];
        for (const [n, pattern] of expected.entries()) expect(outputs[n]).toMatch(pattern);
      },
    ));
});
