import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_PARAMETERS } from '../../../../shared/run-parameters.ts';
import { watchStalls } from '../../../support/stalls.ts';
import { withPlaybooks } from '../../../support/with-playbooks.ts';

const ASK = '- hosts: localhost\n  vars_prompt: {name: colour, prompt: Which}\n';
const PLAY = '- hosts: localhost\n';
const withVars = (values: object) => ({ ...NO_PARAMETERS, extraVarsJson: JSON.stringify(values) });
const repeat = (count: number, part: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => part(n)).join('');

describe('what asks for something', () => {
  it.each([
    ['as one mapping', 'ask.yml', {}],
    ['in a text that stricter parsers refuse', 'strict.yml', {}],
    ['behind an import', 'import.yml', {}],
    ['behind an import of an import in another folder', 'sub/deep.yml', {}],
    ['behind a template that an extra variable fills in', 'template.yml', { which: 'ask' }],
    ['behind a template that its own variables fill in', 'own.yml', {}],
    ['behind a template that nobody can fill in', 'unknown.yml', {}],
    ['behind playbook_dir', 'here.yml', {}],
    ['behind a link', 'link.yml', {}],
    ['behind an imported link out of the folder', 'out.yml', {}],
    ['in a playbook of a collection', 'collection.yml', {}],
    ['with null as its default', 'null.yml', {}],
  ])('is refused: %s', (_what, path, extraVars) =>
    withPlaybooks(
      {
        'ask.yml': ASK,
        'strict.yml': '- hosts: localhost\n  name: "a\n  b"\n  vars_prompt:\n  - name: colour\n',
        'import.yml': '- ansible.builtin.import_playbook: ask.yml\n',
        'sub/deep.yml': '- import_playbook: ../import.yml\n',
        'template.yml': '- import_playbook: "{{ which }}.yml"\n',
        'own.yml': '- import_playbook: "{{ which }}.yml"\n  vars: {which: ask}\n',
        'unknown.yml': "- import_playbook: \"as{{ lookup('env', 'NOWHERE') | default('k', true) }}.yml\"\n",
        'here.yml': '- import_playbook: "{{ playbook_dir }}/sub/../ask.yml"\n',
        'out.yml': '- import_playbook: outside.yml\n',
        'collection.yml': '- import_playbook: acme.site.ask\n',
        'collections/ansible_collections/acme/site/playbooks/ask.yml': ASK,
        'null.yml': '- hosts: localhost\n  vars_prompt: [{name: colour, default: null}]\n',
      },
      async ({ service, root, outside }) => {
        symlinkSync('ask.yml', join(root, 'link.yml'));
        writeFileSync(join(outside, 'ask.yml'), ASK);
        symlinkSync(join(outside, 'ask.yml'), join(root, 'outside.yml'));
        await expect(service.checkRunnable(path, withVars(extraVars))).rejects.toThrow(/"colour"/);
        await service.checkRunnable(path, withVars({ ...extraVars, colour: 'red' }));
      },
    ),
  );

  it('may run where a default answers, where a template leads elsewhere, and where Ansible says what is wrong', () =>
    withPlaybooks(
      {
        'ask.yml': ASK,
        'default.yml': '- hosts: localhost\n  vars_prompt: [{name: colour, default: ""}]\n',
        'elsewhere.yml': '- import_playbook: "{{ which }}.yml"\n',
        'play.yml': PLAY,
        'broken.yml': '- hosts: [\n',
        'loop.yml': '- import_playbook: loop.yml\n',
      },
      async ({ service }) => {
        for (const path of ['default.yml', 'broken.yml', 'loop.yml'])
          await service.checkRunnable(path, NO_PARAMETERS);
        await service.checkRunnable('elsewhere.yml', withVars({ which: 'play' }));
        await expect(service.checkRunnable('elsewhere.yml', NO_PARAMETERS)).rejects.toThrow(/in ask.yml/);
      },
    ));

  const asking = (varsFiles: string, more = '') =>
    `- hosts: localhost\n  vars_files: ${varsFiles}\n  vars_prompt: [{name: colour${more}}]\n`;
  const ANSWERS = { 'colour.yml': 'colour: red\n', 'other.yml': 'shade: red\n' };

  it.each([
    ['a file beside the playbook', 'colour.yml'],
    ['one of several', '[other.yml, missing.yml, colour.yml]'],
    ['the first that is there', '[[missing.yml, colour.yml, "{{ nobody }}.yml"]]'],
    ['a file in vars', '[in-vars.yml]'],
    ['a file in vars, with its folder', '[vars/in-vars.yml]'],
    ['a file in vars before one of the same name', '[both.yml]'],
    ['a file above', '[../site/colour.yml]'],
    ['a value of null, as Ansible takes it', '[null.yml]'],
    ['an encrypted value', '[encrypted.yml]'],
    ['JSON', '[json.json]'],
  ])('may run where a variables file of its play answers: %s', (_what, varsFiles) =>
    withPlaybooks(
      {
        ...Object.fromEntries(Object.entries(ANSWERS).map(([name, text]) => [`site/${name}`, text])),
        'site/play.yml': asking(varsFiles),
        'site/vars/in-vars.yml': 'colour: red\n',
        'site/vars/both.yml': 'colour: red\n',
        'site/both.yml': 'shade: red\n',
        'site/null.yml': 'colour:\n',
        'site/encrypted.yml': 'colour: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\n',
        'site/json.json': '{"colour":\t"red"}',
        'import.yml': '- import_playbook: site/play.yml\n',
      },
      async ({ service }) => {
        for (const path of ['site/play.yml', 'import.yml']) await service.checkRunnable(path, NO_PARAMETERS);
      },
    ),
  );

  it.each([
    ['no file', '[]'],
    ['a file without it', '[other.yml]'],
    ['a template', '["{{ which }}.yml"]'],
    ['a template before it', '[["{{ which }}.yml", colour.yml]]'],
    ['a file without it before it', '[[other.yml, colour.yml]]'],
    ['a file that is not there', '[missing.yml]'],
    ['no text', '[5, [colour.yml, 5], {a: colour.yml}]'],
    ['a mapping', '{colour.yml: x}'],
    ['a broken file', '[broken.yml]'],
    ['an encrypted file', '[vault.yml]'],
    ['a list', '[list.yml]'],
    ['a folder', '[vars, ""]'],
    ['a pipe', '[pipe.yml]'],
    ['a device', '[/dev/zero]'],
    ['a home', '[~/colour.yml]'],
    ['an environment variable', '[$HOME/colour.yml]'],
    ['a path through what is no folder', '[colour.yml/../colour.yml]'],
    ['a file in vars without it, of the same name as one with it', '[both.yml]'],
    ['a huge file', '[huge.yml]'],
  ])('is refused where no variables file answers for certain: %s', (_what, varsFiles) =>
    withPlaybooks(
      {
        ...ANSWERS,
        'play.yml': asking(varsFiles),
        'broken.yml': 'colour: [\n',
        'vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n31\n',
        'list.yml': '- colour: red\n',
        'vars/both.yml': 'shade: red\n',
        'both.yml': 'colour: red\n',
        'huge.yml': `colour: red\n#${' '.repeat(1_048_576)}`,
      },
      async ({ service, root }) => {
        execFileSync('mkfifo', [join(root, 'pipe.yml')]);
        await expect(service.checkRunnable('play.yml', NO_PARAMETERS)).rejects.toThrow(/"colour"/);
      },
    ),
  );

  it('is refused where the variables file is of another play, or the answer is to be encrypted', () =>
    withPlaybooks(
      {
        ...ANSWERS,
        'other-play.yml': `- hosts: localhost\n  vars_files: colour.yml\n${ASK}`,
        'encrypt.yml': asking('colour.yml', ', encrypt: sha512_crypt'),
        'template.yml': asking('colour.yml').replace('name: colour', 'name: "{{ what }}"'),
      },
      async ({ service }) => {
        for (const path of ['other-play.yml', 'encrypt.yml', 'template.yml'])
          await expect(service.checkRunnable(path, NO_PARAMETERS)).rejects.toThrow(/vars_prompt/);
      },
    ));

  it('is refused again when the variables file has changed, and is read no more than that', () =>
    withPlaybooks({ ...ANSWERS, 'a.yml': asking('colour.yml') }, async ({ service, root, reads }) => {
      for (let n = 0; n < 5; n += 1) await service.checkRunnable('a.yml', NO_PARAMETERS);
      expect(reads()).toBe(2);
      writeFileSync(join(root, 'colour.yml'), 'shade: red\n');
      await expect(service.checkRunnable('a.yml', NO_PARAMETERS)).rejects.toThrow(/"colour"/);
      expect(reads()).toBe(3);
    }));

  it('is read once, and again when the file has changed', () =>
    withPlaybooks(
      { 'a.yml': '- import_playbook: b.yml\n', 'b.yml': PLAY },
      async ({ service, root, reads }) => {
        for (let n = 0; n < 5; n += 1) await service.checkRunnable('a.yml', NO_PARAMETERS);
        expect(reads()).toBe(2);
        writeFileSync(join(root, 'b.yml'), ASK);
        await expect(service.checkRunnable('a.yml', NO_PARAMETERS)).rejects.toThrow(/"colour" \(in b.yml\)/);
        expect(reads()).toBe(3);
      },
    ));

  it('is looked for without blocking, whatever is imported', () =>
    withPlaybooks(
      {
        'templates.yml': repeat(500, (n) => `- import_playbook: "{{ a }}${n}{{ b }}"\n`),
        'names.yml': repeat(500, (n) => `- import_playbook: a.b.c${n}\n`),
        'all.yml': repeat(500, (n) => `- import_playbook: "{{ a${n} }}"\n`),
        'prompts.yml': repeat(500, (n) => `- hosts: localhost\n  vars_prompt: [{name: p${n}}]\n`),
        'files.yml': `- hosts: localhost\n  vars_files: [[${repeat(400, (n) => `f${n}, `)}a]]\n  vars_prompt: [${repeat(500, (n) => `{name: p${n}}, `)}]\n`,
      },
      async ({ service, root }) => {
        for (let n = 0; n < 3_000; n += 1) writeFileSync(join(root, `p${n}.yaml`), PLAY);
        for (const path of ['templates.yml', 'names.yml', 'all.yml', 'prompts.yml', 'files.yml'])
          await service.checkRunnable(path, NO_PARAMETERS).catch(() => undefined);
        const stall = watchStalls();
        for (const path of ['templates.yml', 'names.yml', 'all.yml', 'files.yml'])
          await service.checkRunnable(path, NO_PARAMETERS).catch(() => undefined);
        const refused = service.checkRunnable('prompts.yml', NO_PARAMETERS);
        await expect(refused).rejects.toThrow(/"p99" \(vars_prompt\)/);
        expect(stall.end()).toBeLessThan(50);
      },
    ));

  it('is looked for without waiting for a pipe in place of the configuration', () =>
    withPlaybooks({ 'a.yml': '- import_playbook: name.space.play\n' }, async ({ service, root }) => {
      const config = join(root, 'ansible.cfg');
      execFileSync('mkfifo', [config]);
      // whoever waits all the same is not kept forever
      const writer = spawn('sh', ['-c', `sleep 5; exec timeout 5 sh -c ': > ${config}'`]);
      const begun = Date.now();
      await service.checkRunnable('a.yml', NO_PARAMETERS);
      expect(Date.now() - begun).toBeLessThan(4_000);
      writer.kill();
    }));

  it('is told apart from a link that leads out of the folder', () =>
    withPlaybooks({}, async ({ service, root, outside }) => {
      writeFileSync(join(outside, 'a.yml'), PLAY);
      symlinkSync(join(outside, 'a.yml'), join(root, 'out.yml'));
      await expect(service.checkRunnable('out.yml', NO_PARAMETERS)).rejects.toThrow(/leads out of/);
      await expect(service.checkRunnable('none.yml', NO_PARAMETERS)).rejects.toThrow(/There is no playbook/);
    }));
});

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
        const { playbooks, leftOut } = await service.list();
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
        const { playbooks } = await service.list();
        expect(playbooks).toEqual([
          { path: 'dangling.yml', problem: 'It is a symbolic link to something that is not there.' },
          { path: 'linked/a.yml', problem: null },
          { path: 'out.yml', problem: 'It is a symbolic link that leads out of the playbook folder.' },
          { path: 'real/a.yml', problem: null },
          { path: 'site.yml', problem: null },
          { path: 'stow/web/web.yml', problem: null },
          { path: 'web.yml', problem: null },
        ]);
        expect((await service.find('linked/a.yml'))?.content).toBe(PLAY);
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
          const { playbooks } = await service.list();
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
            expect([path, (await service.find(path)) === null]).toEqual([path, problem !== null]);
            if (problem === null) continue;
            await expect(service.save(path, PLAY, null)).rejects.toThrow(/Playbook path/);
            await expect(service.delete(path, null)).rejects.toThrow(/Playbook path/);
            await expect(service.checkRunnable(path, NO_PARAMETERS)).rejects.toThrow(/Playbook path/);
          }
        }
        await service.checkRunnable('imports.yml', NO_PARAMETERS);
      },
    ));

  it('leaves out the last by path, and never blocks', () =>
    withPlaybooks({}, async ({ service, root }) => {
      for (let n = 0; n < 10_050; n += 1)
        writeFileSync(join(root, `${String(10_049 - n).padStart(5, '0')}.yml`), PLAY);
      const stall = watchStalls();
      const first = await service.list();
      await service.list();
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
          expect(await service.find(path)).toBeNull();
          await expect(service.delete(path, null)).rejects.toThrow(/no playbook/);
          expect(existsSync(join(root, path))).toBe(true);
        }
        for (const path of ['broken.yml', 'roles/web/tests/test.yml']) {
          const found = await service.find(path);
          await service.save(path, `${PLAY}# saved\n`, found?.revision ?? null);
          expect(readFileSync(join(root, path), 'utf8')).toBe(`${PLAY}# saved\n`);
          await service.delete(path, null);
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
        await service.save(`${n}.yml`, text, null);
      const failing = service.save('bad.yml', '- hosts: 😀\n- name: {{ x }}\n', null);
      await expect(failing).rejects.toMatchObject({
        issues: [
          { path: ['content'], position: expect.any(Number), message: expect.stringMatching(/at line 2/) },
        ],
      });
    }));
});
