import { execFileSync, spawn } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_PARAMETERS } from '../../../../shared/run-parameters.ts';
import { TESTER } from '../../../support/actor.ts';
import { watchStalls } from '../../../support/stalls.ts';
import { usePlaybooks } from '../../../support/with-playbooks.ts';

const withPlaybooks = usePlaybooks();

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
        await expect(service.checkRunnable(TESTER, path, withVars(extraVars))).rejects.toThrow(/"colour"/);
        await service.checkRunnable(TESTER, path, withVars({ ...extraVars, colour: 'red' }));
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
          await service.checkRunnable(TESTER, path, NO_PARAMETERS);
        await service.checkRunnable(TESTER, 'elsewhere.yml', withVars({ which: 'play' }));
        await expect(service.checkRunnable(TESTER, 'elsewhere.yml', NO_PARAMETERS)).rejects.toThrow(
          /in ask.yml/,
        );
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
        for (const path of ['site/play.yml', 'import.yml'])
          await service.checkRunnable(TESTER, path, NO_PARAMETERS);
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
        await expect(service.checkRunnable(TESTER, 'play.yml', NO_PARAMETERS)).rejects.toThrow(/"colour"/);
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
          await expect(service.checkRunnable(TESTER, path, NO_PARAMETERS)).rejects.toThrow(/vars_prompt/);
      },
    ));

  it('is refused again when the variables file has changed, and is read no more than that', () =>
    withPlaybooks({ ...ANSWERS, 'a.yml': asking('colour.yml') }, async ({ service, root, reads }) => {
      for (let n = 0; n < 5; n += 1) await service.checkRunnable(TESTER, 'a.yml', NO_PARAMETERS);
      expect(reads()).toBe(2);
      writeFileSync(join(root, 'colour.yml'), 'shade: red\n');
      await expect(service.checkRunnable(TESTER, 'a.yml', NO_PARAMETERS)).rejects.toThrow(/"colour"/);
      expect(reads()).toBe(3);
    }));

  it('is read once, and again when the file has changed', () =>
    withPlaybooks(
      { 'a.yml': '- import_playbook: b.yml\n', 'b.yml': PLAY },
      async ({ service, root, reads }) => {
        for (let n = 0; n < 5; n += 1) await service.checkRunnable(TESTER, 'a.yml', NO_PARAMETERS);
        expect(reads()).toBe(2);
        writeFileSync(join(root, 'b.yml'), ASK);
        await expect(service.checkRunnable(TESTER, 'a.yml', NO_PARAMETERS)).rejects.toThrow(
          /"colour" \(in b.yml\)/,
        );
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
          await service.checkRunnable(TESTER, path, NO_PARAMETERS).catch(() => undefined);
        const stall = watchStalls();
        for (const path of ['templates.yml', 'names.yml', 'all.yml', 'files.yml'])
          await service.checkRunnable(TESTER, path, NO_PARAMETERS).catch(() => undefined);
        const refused = service.checkRunnable(TESTER, 'prompts.yml', NO_PARAMETERS);
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
      await service.checkRunnable(TESTER, 'a.yml', NO_PARAMETERS);
      expect(Date.now() - begun).toBeLessThan(4_000);
      writer.kill();
    }));

  it('is told apart from a link that leads out of the folder', () =>
    withPlaybooks({}, async ({ service, root, outside }) => {
      writeFileSync(join(outside, 'a.yml'), PLAY);
      symlinkSync(join(outside, 'a.yml'), join(root, 'out.yml'));
      await expect(service.checkRunnable(TESTER, 'out.yml', NO_PARAMETERS)).rejects.toThrow(/leads out of/);
      await expect(service.checkRunnable(TESTER, 'none.yml', NO_PARAMETERS)).rejects.toThrow(
        /There is no playbook/,
      );
    }));
});
