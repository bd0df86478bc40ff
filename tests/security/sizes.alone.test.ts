import { describe, expect, it } from 'vitest';
import { TIMINGS } from '../../server/timings.ts';
import { MUTATIONS, type Result } from '../support/mutations.ts';
import { memoryOf } from '../support/processes.ts';
import { SQLITE } from '../support/storages.ts';
import { waitUntil } from '../support/wait-until.ts';
import { withServer } from '../support/with-server.ts';

const MIB = 1_048_576;

/** What is refused for its size must not stay in memory, which is measured. */
describe('sizes', () => {
  it('that are too big are refused with what was expected, and are not kept in memory', () =>
    withServer(
      {
        storage: SQLITE,
        ansible: 'scripted',
        timings: TIMINGS,
        playbooks: { 'hello.yaml': '- hosts: localhost\n' },
      },
      async ({ api, server }) => {
        const timing = { cron: '0 0 1 1 *' };
        const cases: [string, keyof typeof MUTATIONS, object, object][] = [
          [
            'a name',
            'create',
            { playbook: 'hello.yaml', timing, name: 'x'.repeat(200) },
            { playbook: 'hello.yaml', timing, name: 'x'.repeat(201) },
          ],
          [
            'a cron expression',
            'create',
            {
              playbook: 'hello.yaml',
              timing: {
                cron: `${Array.from({ length: 60 }, (_, n) => n).join(',')} ${Array.from({ length: 24 }, (_, n) => n).join(',')} 1 1 *`.padEnd(
                  256,
                ),
              },
            },
            { playbook: 'hello.yaml', timing: { cron: '0 0 1 1 *'.padEnd(257) } },
          ],
          [
            'a playbook',
            'save',
            { path: 'big.yaml', content: `- hosts: all #${'x'.repeat(MIB - 14)}` },
            { path: 'bigger.yaml', content: `- hosts: all #${'x'.repeat(MIB - 13)}` },
          ],
          [
            'variables',
            'run',
            { playbook: 'hello.yaml', parameters: { extraVars: { a: 'x'.repeat(262_144 - 8) } } },
            { playbook: 'hello.yaml', parameters: { extraVars: { a: 'x'.repeat(262_144 - 7) } } },
          ],
        ];
        for (const [title, mutation, below, above] of cases) {
          const fits = await api.request<{ result: Result }>(MUTATIONS[mutation], { input: below });
          expect([title, fits.result.__typename]).toEqual([title, expect.stringMatching(/Payload$/)]);
          const refused = await api.request<{ result: Result }>(MUTATIONS[mutation], { input: above });
          expect([title, refused.result]).toEqual([
            title,
            { __typename: 'InvalidInputError', message: expect.any(String) },
          ]);
        }
        const huge = 'x'.repeat(MIB);
        const attempts: [keyof typeof MUTATIONS, object][] = [
          ['create', { playbook: 'hello.yaml', timing: { cron: huge } }],
          ['create', { playbook: 'hello.yaml', timing, name: huge }],
          ['create', { playbook: huge, timing }],
          ['run', { playbook: huge }],
          [
            'run',
            {
              playbook: 'hello.yaml',
              parameters: { limit: huge, inventory: huge, tags: [huge.slice(0, 1_000)] },
            },
          ],
          ['save', { path: huge, content: '' }],
          ['save', { path: 'a.yaml', content: huge + huge }],
        ];
        const send = async () => {
          for (let n = 0; n < 5; n += 1)
            for (const [mutation, input] of attempts) {
              const { result } = await api.request<{ result: Result }>(MUTATIONS[mutation], { input });
              expect(result.__typename).toBe('InvalidInputError');
              // nobody is sent back what he sent
              expect(JSON.stringify(result).length).toBeLessThan(2_000);
            }
          await expect(
            api.request(MUTATIONS.create, { input: { playbook: 'hello.yaml', timing, timezone: huge } }),
          ).rejects.toThrow(/no text is expected/);
          for (let n = 0; n < 5; n += 1)
            await expect(
              api.request(MUTATIONS.save, { input: { path: 'a.yaml', content: huge.repeat(5) } }),
            ).rejects.toThrow();
        };
        // the heap grows to what such requests take while they are read; sent again and again, they must not add up
        for (let n = 0; n < 3; n += 1) await send();
        const before = memoryOf(server.pid).now;
        for (let n = 0; n < 4; n += 1) await send();
        // on a busy machine the collector may be late; what is kept only grows with every round
        await waitUntil(async () => {
          if (memoryOf(server.pid).now - before < 50) return true;
          await send();
          return false;
        });
      },
    ));

  it('that are small and grow when they are read are refused, or read at no more cost than their size', () =>
    withServer({ storage: SQLITE, ansible: 'scripted', playbooks: {} }, async ({ api, server }) => {
      const bomb = [
        'a: &a [x,x,x,x,x,x,x,x,x]',
        ...Array.from(
          { length: 8 },
          (_, n) => `${'bcdefghi'[n]}: &${'bcdefghi'[n]} [${Array(9).fill(`*${'abcdefgh'[n]}`).join(',')}]`,
        ),
      ].join('\n');
      const before = memoryOf(server.pid).now;
      for (const [title, content] of [
        ['a bomb of aliases', bomb],
        ['brackets', '['.repeat(5_000)],
        ['braces', `${'{a: '.repeat(2_000)}`],
        ['indents', Array.from({ length: 1_000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n')],
        ['dashes', '- '.repeat(20_000)],
        ['anchors to themselves', '- &a [*a, *a]'],
        ['tags', '!!js/function "function () { process.exit() }"'],
        ['a document of blanks', ' '.repeat(1_000_000)],
        ['comments', '#\n'.repeat(500_000)],
      ] as const) {
        const path = `${title.replaceAll(' ', '-')}.yaml`;
        // kept as a draft may be, or refused; but answered, and not run
        await api.request(MUTATIONS.save, { input: { path, content } });
        const { result } = await api.request<{ result: Result }>(MUTATIONS.run, {
          input: { playbook: path },
        });
        expect([title, result.__typename]).toEqual([title, expect.stringMatching(/Error$/)]);
        expect([title, await api.request('{ system { version } }')]).toEqual([title, expect.any(Object)]);
      }
      expect(memoryOf(server.pid).now - before).toBeLessThan(200);
    }));
});
