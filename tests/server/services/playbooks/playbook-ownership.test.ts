import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TESTER } from '../../../support/actor.ts';
import { usePlaybooks } from '../../../support/with-playbooks.ts';

const withPlaybooks = usePlaybooks();

const PLAY = '- hosts: localhost\n';

const NOT_OURS: Readonly<Record<string, string>> = {
  'roles_requirements.yml': '- src: geerlingguy.nginx\n',
  'main.yml': '- src: git+https://example.org/role.git\n  scm: git\n',
  'setup-tasks.yml': '- name: Install\n  ansible.builtin.apt: {name: nginx}\n',
  'k8s.yml': 'kind: A\n---\nkind: B\n',
  'configuration.yaml': 'automation: !include automations.yaml\n',
  'values.yaml': 'a: {{ b }}\n',
  'inventory.yml': 'all:\n\thosts:\n',
  'mkdocs.yml': 'x: !!python/name:material.extensions.emoji.twemoji\n',
  'list.yml': '- one\n- two\n',
  'lone.yml': 'word\n',
  'empty.yml': '',
  'comment.yml': '# hosts: all\n',
  'empty-list.yml': '[]\n',
  'broken-tasks.yml': '- name: {{ x }}\n',
  'group_vars/all.yml': '- hosts: [\n',
  'Roles/web/TASKS/main.yml': '- add_host:\n    hosts: {{ x }}\n',
  'requirements.YML': '- src: x\n',
  'REQUIREMENTS.yaml': '- hosts: [\n',
  'node_modules/package/play.yml': PLAY,
  'Group_Vars/vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n31\n',
};

it('what the list does not show is not opened, replaced or deleted', () =>
  withPlaybooks(NOT_OURS, async ({ service, root }) => {
    expect((await service.list(TESTER)).playbooks).toEqual([]);
    for (const [path, text] of Object.entries(NOT_OURS)) {
      expect([path, await service.find(TESTER, path)]).toEqual([path, null]);
      const refused = { code: 'INVALID_INPUT', message: expect.stringMatching(/is not a playbook/) };
      await expect(service.delete(TESTER, path, null)).rejects.toMatchObject(refused);
      await expect(service.save(TESTER, path, PLAY, 'any')).rejects.toMatchObject(refused);
      expect(readFileSync(join(root, path), 'utf8')).toBe(text);
    }
  }));

const OURS: Readonly<Record<string, string | Buffer>> = {
  'play.yml': PLAY,
  'broken.yml': '- hosts: [\n',
  'templated.yml': '- hosts: {{ where }}\n',
  'latin.yml': Buffer.from('- hosts: all\n  name: gr\u00f6\u00dfe\n', 'latin1'),
  'utf-16.yml': Buffer.from('\ufeff- hosts: all\r\n', 'utf16le'),
  'utf-16be.yml': Buffer.from('\ufeff- hosts: all\r\n', 'utf16le').swap16(),
  'vault.yml': '$ANSIBLE_VAULT;1.1;AES256\n31\n',
  'flow.yml': '[{hosts: all}]\n',
  'roles/web/tests/test.yml': PLAY,
  'Files/site.yml': '- import_playbook: ../play.yml\n',
};

it('whatever the list shows can be opened, mended and deleted', () =>
  withPlaybooks(OURS, async ({ service }) => {
    const { playbooks } = await service.list(TESTER);
    expect(playbooks.map(({ path }) => path)).toEqual(Object.keys(OURS).sort());
    for (const { path, problem } of playbooks) {
      const found = await service.find(TESTER, path);
      expect([path, await service.problemOf(TESTER, path)]).toEqual([path, problem]);
      await service.save(TESTER, path, `${PLAY}  tasks: []\n`, found?.revision ?? '');
      expect(await service.problemOf(TESTER, path)).toBe(path.startsWith('utf-16') ? problem : null);
      await service.delete(TESTER, path, null);
      expect(await service.find(TESTER, path)).toBeNull();
    }
  }));

it('while nobody can say what it is, a file is neither replaced nor deleted', () =>
  withPlaybooks({ 'play.yml': PLAY, 'values.yml': 'a: 1\n', 'tasks/a.yml': PLAY }, async (place) => {
    const { service, root } = place;
    const revision = (await service.find(TESTER, 'play.yml'))?.revision ?? '';
    for (const path of ['play.yml', 'values.yml', 'tasks/a.yml'])
      writeFileSync(join(root, path), `${readFileSync(join(root, path), 'utf8')}# changed\n`);
    // read before, so that only the file is unknown
    await service.save(TESTER, 'other.yml', `${PLAY}# new\n`, null);
    place.isBusy = true;
    for (const path of ['play.yml', 'values.yml', 'tasks/a.yml']) {
      const refused = {
        code: 'INVALID_INPUT',
        message: expect.stringMatching(/could not be checked.*try again/),
      };
      await expect(service.delete(TESTER, path, null)).rejects.toMatchObject(refused);
      await expect(service.save(TESTER, path, `${PLAY}# new\n`, revision)).rejects.toMatchObject(refused);
      expect(readFileSync(join(root, path), 'utf8')).toMatch(/# changed\n$/);
    }
    // it looks like one
    expect((await service.find(TESTER, 'play.yml'))?.content).toBe(`${PLAY}# changed\n`);
    expect(await service.find(TESTER, 'values.yml')).toBeNull();
    place.isBusy = false;
    await service.delete(TESTER, 'play.yml', null);
    await expect(service.delete(TESTER, 'values.yml', null)).rejects.toThrow(/is not a playbook/);
  }));
