import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TESTER } from '../../../support/actor.ts';
import { usePlaybooks } from '../../../support/with-playbooks.ts';

const withPlaybooks = usePlaybooks();

const PLAY = '- hosts: localhost\n';

it.runIf(process.getuid?.() === 0)('what is closed or leads nowhere is listed with its reason', () =>
  withPlaybooks(
    { 'a.yml': PLAY, 'secret.yml': PLAY, 'closed/b.yml': PLAY, 'group_vars/c/d.yml': PLAY },
    async ({ service, root }) => {
      chmodSync(join(root, '..'), 0o755);
      chmodSync(join(root, 'secret.yml'), 0);
      mkdirSync(join(root, 'names'));
      writeFileSync(join(root, 'names/e.yml'), PLAY);
      symlinkSync('nowhere.yml', join(root, 'dangling.yml'));
      symlinkSync('circle.yml', join(root, 'circle.yml'));
      symlinkSync('closed/b.yml', join(root, 'through.yml'));
      chmodSync(join(root, 'names'), 0o444);
      for (const folder of ['closed', 'group_vars/c']) chmodSync(join(root, folder), 0);
      process.seteuid?.(65_534);
      try {
        const { playbooks } = await service.list(TESTER);
        const denied = 'It cannot be read: permission denied.';
        expect(playbooks).toEqual([
          { path: 'a.yml', problem: null },
          { path: 'circle.yml', problem: 'It is a symbolic link that leads back to itself.' },
          { path: 'closed', problem: 'The folder cannot be read: permission denied.' },
          { path: 'dangling.yml', problem: 'It is a symbolic link to something that is not there.' },
          { path: 'names/e.yml', problem: denied },
          { path: 'secret.yml', problem: denied },
          { path: 'through.yml', problem: denied },
        ]);
        expect(await service.find(TESTER, 'a.yml')).toMatchObject({ content: PLAY });
        expect(await service.find(TESTER, 'secret.yml')).toBeNull();
      } finally {
        process.seteuid?.(0);
      }
    },
  ),
);
