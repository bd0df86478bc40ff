import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_PARAMETERS } from '../../../../shared/run-parameters.ts';
import { TESTER } from '../../../support/actor.ts';
import { watchStalls } from '../../../support/stalls.ts';
import { usePlaybooks } from '../../../support/with-playbooks.ts';

const withPlaybooks = usePlaybooks();

const PLAY = '- hosts: localhost\n';

describe('the list', () => {
  it('holds what is a list of plays or imports, wherever it is', () =>
    withPlaybooks(
      {
        'site.YML': PLAY,
        'imports.yaml': '---\n# note\n- import_playbook: site.yml\n',
        'flow.yml': '[{hosts: all}]',
        'cr.yml': '# hello\r- hosts: localhost\r  tasks: []\r',
        'nel.yml': '---\u0085- hosts: localhost',
        'separators.yml': '# note\u2028---\u2029- name: x\u2028  hosts: all\u2028',
        'late.yml': `${'# long\n'.repeat(20_000)}- hosts: all\n`,
        '.github/deploy.yml': PLAY,
        'roles/web/tests/test.yml': PLAY,
        'roles/web/tasks/main.yml': '- name: x\n  debug: {msg: hosts}\n',
        'collections/ansible_collections/a/b/playbooks/c.yml': PLAY,
        'a/b/c/d/e/f/g/h/i/j/k/l/deep.yml': PLAY,
        'values.yaml': 'hosts: all\n',
        'compose.yml': 'services: {}\n',
        'list.yml': '- one\n- hosts\n',
        'venv/pyvenv.cfg': '',
        'venv/lib/play.yml': PLAY,
        '.git/play.yml': PLAY,
        'node_modules/x/play.yml': PLAY,
        'broken.yml': '- hosts: {{ where }}\n',
        'latin.yml': Buffer.from('- hosts: all\n  name: gr\u00f6\u00dfe\n', 'latin1'),
        'brokentasks.yml': '- name: {{ x }}\n',
        'vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n31\n',
        'group_vars/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n31\n',
        'large.yml': `- hosts: all\n${'#'.repeat(1_048_576)}`,
      },
      async ({ service }) => {
        const { playbooks, leftOut } = await service.list(TESTER);
        expect(Object.fromEntries(playbooks.map(({ path, problem }) => [path, problem]))).toEqual({
          '.github/deploy.yml': null,
          'a/b/c/d/e/f/g/h/i/j/k/l/deep.yml': null,
          'broken.yml': expect.stringMatching(/not valid YAML at line 1/),
          'collections/ansible_collections/a/b/playbooks/c.yml': null,
          'cr.yml': null,
          'nel.yml': null,
          'separators.yml': null,
          'flow.yml': null,
          'imports.yaml': null,
          'large.yml': expect.stringMatching(/longer than/),
          'late.yml': null,
          'latin.yml': expect.stringMatching(/not UTF-8/),
          'roles/web/tests/test.yml': null,
          'site.YML': null,
          'vault.yml': expect.stringMatching(/encrypted/),
        });
        expect(leftOut).toBe(0);
      },
    ));

  it('follows links inside the folder, and says which lead out of it', () =>
    withPlaybooks(
      { '..2026_11/site.yml': PLAY, 'stow/web/web.yml': PLAY, 'real/a.yml': PLAY },
      async ({ service, root, outside }) => {
        writeFileSync(join(outside, 'secret.yml'), PLAY);
        symlinkSync('..2026_11', join(root, '..data'));
        symlinkSync('..data/site.yml', join(root, 'site.yml'));
        symlinkSync('stow/web/web.yml', join(root, 'web.yml'));
        symlinkSync('real', join(root, 'linked'));
        symlinkSync('..', join(root, 'real/up'));
        symlinkSync('.', join(root, 'real/self'));
        symlinkSync(outside, join(root, 'away'));
        symlinkSync(join(outside, 'secret.yml'), join(root, 'out.yml'));
        symlinkSync('nowhere.yml', join(root, 'dangling.yml'));
        const { playbooks } = await service.list(TESTER);
        expect(playbooks).toEqual([
          { path: 'dangling.yml', problem: 'It is a symbolic link to something that is not there.' },
          { path: 'linked/a.yml', problem: null },
          { path: 'out.yml', problem: 'It is a symbolic link that leads out of the playbook folder.' },
          { path: 'real/a.yml', problem: null },
          { path: 'site.yml', problem: null },
          { path: 'stow/web/web.yml', problem: null },
          { path: 'web.yml', problem: null },
        ]);
        expect((await service.find(TESTER, 'linked/a.yml'))?.content).toBe(PLAY);
      },
    ));

  it('shows what is to be renamed, and opens no other file for it', () =>
    withPlaybooks(
      {
        'a\nb.yml': PLAY,
        // what the file above is shown as, as a name
        'a\\nb.yml': '- hosts: other\n  vars_prompt: [{name: secret}]\n',
        '-x.yml': PLAY,
        'tab\t/in.yml': PLAY,
        'end.yml ': PLAY,
        'bidi\u202e.yml': PLAY,
        '-values.yml': 'a: 1\n',
        '.hidden\n.yml': PLAY,
        'real\ufffd.yml': PLAY,
        'imports.yml': '- import_playbook: "a{{ x }}.yml"\n',
      },
      async ({ service, root, outside }) => {
        const bytes = (text: string) => Buffer.from(join(root, text), 'latin1');
        writeFileSync(bytes('gr\xf6.yml'), PLAY);
        writeFileSync(bytes('real\xff.yml'), 'a: 1\n');
        mkdirSync(bytes('\xe4\xc3\xb6'));
        writeFileSync(bytes('\xe4\xc3\xb6/in.yml'), PLAY);
        writeFileSync(bytes('\\xf6\xf6.yml'), PLAY);
        symlinkSync('imports.yml', bytes('link\xff.yml'));
        for (const to of ['nowhere', 'loop\xff.yml'])
          symlinkSync(bytes(to), bytes(`${to.slice(0, 4)}\xff.yml`));
        writeFileSync(join(outside, 'x.yml'), PLAY);
        symlinkSync(join(outside, 'x.yml'), bytes('out\xff.yml'));
        for (let n = 0; n < 2; n += 1) {
          const { playbooks } = await service.list(TESTER);
          const rename = expect.stringMatching(
            /^It cannot be used here until it is renamed. Its path has a .*(not allowed|begins|blank)/,
          );
          const utf8 = expect.stringMatching(/until it is renamed: its path is not valid UTF-8/);
          expect(Object.fromEntries(playbooks.map(({ path, problem }) => [path, problem]))).toEqual({
            'a\\nb.yml': rename,
            'a\\\\nb.yml': rename,
            '-x.yml': rename,
            'tab\\u{9}/in.yml': rename,
            'end.yml ': rename,
            'bidi\\u{202e}.yml': rename,
            'real\ufffd.yml': null,
            'imports.yml': null,
            'gr\\xf6.yml': utf8,
            '\\xe4\u00f6/in.yml': utf8,
            '\\\\xf6\\xf6.yml': utf8,
            'link\\xff.yml': utf8,
            'out\\xff.yml': expect.stringMatching(/leads out/),
          });
          for (const { path, problem } of playbooks) {
            expect([path, (await service.find(TESTER, path)) === null]).toEqual([path, problem !== null]);
            if (problem === null) continue;
            await expect(service.save(TESTER, path, PLAY, null)).rejects.toThrow(/Playbook path/);
            await expect(service.delete(TESTER, path, null)).rejects.toThrow(/Playbook path/);
            await expect(service.checkRunnable(TESTER, path, NO_PARAMETERS)).rejects.toThrow(/Playbook path/);
          }
        }
        await service.checkRunnable(TESTER, 'imports.yml', NO_PARAMETERS);
      },
    ));

  it('is present where a file is, and never throws', () =>
    withPlaybooks({ 'a.yaml': PLAY, 'folder/b.yaml': PLAY }, async ({ service, root }) => {
      symlinkSync('loop.yaml', join(root, 'loop.yaml'));
      symlinkSync('a.yaml', join(root, 'link.yaml'));
      const present = ['a.yaml', 'link.yaml', 'folder/b.yaml'];
      const absent = ['none.yaml', 'folder', 'loop.yaml', 'a.yaml/b.yaml', `${'x'.repeat(300)}.yaml`, 'a\0b'];
      for (const path of [...present, ...absent])
        expect([path, service.isPresent(path)]).toEqual([path, present.includes(path)]);
    }));

  it('leaves out the last by path, and never blocks', () =>
    withPlaybooks({}, async ({ service, root }) => {
      for (let n = 0; n < 10_050; n += 1)
        writeFileSync(join(root, `${String(10_049 - n).padStart(5, '0')}.yml`), PLAY);
      const stall = watchStalls();
      const first = await service.list(TESTER);
      await service.list(TESTER);
      expect(stall.end()).toBeLessThan(50);
      expect([first.playbooks.length, first.leftOut]).toEqual([10_000, 50]);
      expect(first.playbooks.at(-1)?.path).toBe('09999.yml');
    }));
});

describe('saving and deleting', () => {
  it('keeps to playbooks, and to what may become one', () =>
    withPlaybooks(
      {
        'group_vars/all.yml': 'a: 1\n',
        'roles/web/tasks/main.yml': '- name: x\n',
        'roles/web/tests/test.yml': PLAY,
        'requirements.yml': '- src: x\n',
        'compose.yml': 'services: {}\n',
        'broken.yml': '- hosts: [\n',
      },
      async ({ service, root }) => {
        for (const path of [
          'group_vars/all.yml',
          'roles/web/tasks/main.yml',
          'requirements.yml',
          'compose.yml',
        ]) {
          expect(await service.find(TESTER, path)).toBeNull();
          await expect(service.delete(TESTER, path, null)).rejects.toThrow(/not a playbook/);
          expect(existsSync(join(root, path))).toBe(true);
        }
        for (const path of ['broken.yml', 'roles/web/tests/test.yml']) {
          const found = await service.find(TESTER, path);
          await service.save(TESTER, path, `${PLAY}# saved\n`, found?.revision ?? null);
          expect(readFileSync(join(root, path), 'utf8')).toBe(`${PLAY}# saved\n`);
          await service.delete(TESTER, path, null);
        }
      },
    ));

  it('accepts what Ansible accepts, and refuses the rest at its place', () =>
    withPlaybooks({}, async ({ service }) => {
      for (const [n, text] of [
        '- hosts: "a\n  b"\n  tasks:\n  - name: x\n',
        '$ANSIBLE_VAULT;1.1;AES256\n31\n',
        '- hosts: all\n  hosts: twice\n',
      ].entries())
        await service.save(TESTER, `${n}.yml`, text, null);
      const failing = service.save(TESTER, 'bad.yml', '- hosts: 😀\n- name: {{ x }}\n', null);
      await expect(failing).rejects.toMatchObject({
        issues: [
          { path: ['content'], position: expect.any(Number), message: expect.stringMatching(/at line 2/) },
        ],
      });
    }));
});
