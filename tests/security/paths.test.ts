import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { expectNothingDone, MUTATIONS, type Result } from '../support/mutations.ts';
import { times } from '../support/soak.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';
import { WAYS } from '../support/ways.ts';

/** Names of files that would lead out of the playbook folder, or to what is no playbook. */

const SECRET = 'the-secret-of-another-program';
const MIB = 1_048_576;

const PATHS_OUTSIDE = [
  '../secret.yaml',
  'a/../../secret.yaml',
  '/etc/passwd',
  '..%2fsecret.yaml',
  '..\\secret.yaml',
  'secret.yaml\0.yaml',
  './secret.yaml',
  'a//secret.yaml',
  '.git/config',
  '.hidden.yaml',
  'a/.hidden/b.yaml',
  'link.yaml',
  'linked/secret.yaml',
  '~/secret.yaml',
  'file:///etc/passwd',
  '\u2024\u2024/secret.yaml',
  '\uff0e\uff0e/secret.yaml',
  'a\nb.yaml',
  '',
  ' ',
  '.',
  '..',
  `${'x'.repeat(500)}.yaml`,
  `${'a/'.repeat(11)}b.yaml`,
  'hello.txt',
  '-e.yaml\n',
];

/** One server for all: what is refused changes nothing on it. */
const sharedServer = useServer({
  storage: SQLITE,
  ansible: 'scripted',
  playbooks: { 'hello.yaml': '# print hello\n- hosts: localhost\n' },
});
beforeAll(() => {
  const { dataDir } = sharedServer();
  const secret = join(dataDir, 'secret.yaml');
  writeFileSync(secret, `# print ${SECRET}\n- hosts: localhost\n`);
  symlinkSync(secret, join(dataDir, 'playbooks/link.yaml'));
  symlinkSync(dataDir, join(dataDir, 'playbooks/linked'));
});
const withOutside = (
  work: (test: { api: ApiClient; dataDir: string; secret: string; playbooksDir: string }) => Promise<void>,
) => {
  const { api, dataDir } = sharedServer();
  return work({
    api,
    dataDir,
    secret: join(dataDir, 'secret.yaml'),
    playbooksDir: join(dataDir, 'playbooks'),
  });
};

describe('paths', () => {
  it.each(WAYS)('that lead outside are refused at every field over %s', (_way, ask) =>
    withOutside(async ({ api, secret, dataDir }) => {
      const before = readFileSync(secret, 'utf8');
      const asked: string[] = [];
      for (const path of PATHS_OUTSIDE) {
        const inputs: [keyof typeof MUTATIONS, object][] = [
          ['save', { path, content: 'overwritten' }],
          ['delete', { path }],
          ['run', { playbook: path }],
          ['create', { playbook: path, timing: { cron: '* * * * *' } }],
          ['run', { playbook: 'hello.yaml', parameters: { inventory: path } }],
        ];
        // the playbook folder itself is an inventory as by hand
        if (path === '.') inputs.pop();
        for (const [name, input] of inputs) {
          const { result } = await ask<{ result: Result }>(api, MUTATIONS[name], { input });
          expect([path, name, result.__typename]).toEqual([path, name, expect.stringMatching(/Error$/)]);
          asked.push(JSON.stringify(result));
        }
        const read = await ask<object>(api, 'query ($path: String!) { playbook(path: $path) { content } }', {
          path,
        }).catch(String);
        asked.push(JSON.stringify(read));
      }
      for (const answer of asked) {
        expect(answer).not.toContain(SECRET);
        expect(answer).not.toContain('root:');
        expect(answer).not.toContain(dataDir);
      }
      expect(readFileSync(secret, 'utf8')).toBe(before);
      await expectNothingDone(api);
    }),
  );

  it('are not followed through a link that is swapped in between check and use', () =>
    withOutside(async ({ api, secret, playbooksDir }) => {
      const target = join(playbooksDir, 'swapped.yaml');
      const before = readFileSync(secret, 'utf8');
      let isSwapping = true;
      const swapping = (async () => {
        for (let n = 0; isSwapping; n += 1) {
          const next = join(playbooksDir, `next-${n % 2}`);
          rmSync(next, { force: true });
          if (n % 2 === 0) symlinkSync(secret, next);
          else writeFileSync(next, '# print harmless\n- hosts: localhost\n');
          renameSync(next, target);
          await new Promise(setImmediate);
        }
      })();
      const seen = new Set<string>();
      const outcomes = new Set<string>();
      for (let n = 0; n < times(200, 2_000); n += 1) {
        const read = await api.request<{ playbook: { content: string; revision: string } | null }>(
          '{ playbook(path: "swapped.yaml") { content revision } }',
        );
        seen.add(read.playbook?.content ?? 'none');
        const { result } = await api.request<{ result: Result }>(MUTATIONS.save, {
          input: {
            path: 'swapped.yaml',
            content: '- hosts: localhost # written by us\n',
            expectedRevision: read.playbook?.revision ?? null,
          },
        });
        outcomes.add(result.__typename);
      }
      isSwapping = false;
      await swapping;
      expect(seen).toContain('# print harmless\n- hosts: localhost\n');
      expect([...seen].filter((content) => content.includes(SECRET))).toEqual([]);
      // a file that is replaced all the time is a conflict; one that stays is saved
      rmSync(target, { force: true });
      writeFileSync(target, '# print harmless\n- hosts: localhost\n');
      const { playbook } = await api.request<{ playbook: { revision: string } }>(
        '{ playbook(path: "swapped.yaml") { revision } }',
      );
      const { result } = await api.request<{ result: Result }>(MUTATIONS.save, {
        input: {
          path: 'swapped.yaml',
          content: '- hosts: localhost # written by us\n',
          expectedRevision: playbook.revision,
        },
      });
      outcomes.add(result.__typename);
      expect(outcomes).toContain('SavePlaybookPayload');
      expect(readFileSync(secret, 'utf8')).toBe(before);
    }));

  it('of what is no ordinary file are refused with the reason, and nothing waits for it', () =>
    withOutside(async ({ api, playbooksDir }) => {
      execFileSync('mkfifo', [join(playbooksDir, 'pipe.yaml')]);
      mkdirSync(join(playbooksDir, 'folder.yaml'));
      writeFileSync(join(playbooksDir, 'huge.yaml'), '');
      truncateSync(join(playbooksDir, 'huge.yaml'), 1_000 * MIB);
      for (const path of ['pipe.yaml', 'folder.yaml', 'huge.yaml', 'hello.yaml/x.yaml']) {
        for (const [name, input] of [
          ['run', { playbook: path }],
          ['create', { playbook: path, timing: { cron: '* * * * *' } }],
        ] as const) {
          const { result } = await api.request<{ result: Result }>(MUTATIONS[name], { input });
          expect([path, name, result]).toEqual([
            path,
            name,
            { __typename: expect.stringMatching(/Error$/), message: expect.stringContaining(path) },
          ]);
        }
        const read = await api
          .request('query ($path: String!) { playbook(path: $path) { content } }', { path })
          .catch(String);
        expect([path, JSON.stringify(read)]).toEqual([
          path,
          expect.stringMatching(/regular file|longer than|null/),
        ]);
      }
      await expectNothingDone(api);
      expect((await api.request<{ playbooks: object[] }>('{ playbooks { path } }')).playbooks).toContainEqual(
        { path: 'hello.yaml' },
      );
    }));
});
