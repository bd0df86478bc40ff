import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createWorkspaces } from '../../../../server/runner/ansible/workspace.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

async function makeFolder(env: Record<string, string> = {}, forTasks: Record<string, string | null> = {}) {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const path = realpathSync(folder.path);
  const [root, home, ownHome] = [join(path, 'playbooks'), join(path, 'home'), join(path, 'own-home')];
  for (const each of [root, home]) mkdirSync(each);
  const write = (name: string, text = '') => {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  };
  const variables = { HOME: home, ...env };
  const workspaces = createWorkspaces({ ownHome, base: { variables, forTasks } });
  const workspaceOf = (playbook: string, wanted: string | null) => workspaces(root, playbook, wanted);
  return { path, root, home, ownHome, write, workspaceOf };
}

const CONTROL_DIR = 'ANSIBLE_SSH_CONTROL_PATH_DIR';

/** With a home whose path is too long for sockets below it. */
async function makeLongHome(env: Record<string, string> = {}) {
  const { path } = await makeFolder();
  const home = join(path, 'h'.repeat(60));
  mkdirSync(home);
  return makeFolder({ HOME: home, ...env });
}

describe('the working folder of a run', () => {
  it('is the nearest at or above the playbook that has an ansible.cfg, else the root', async () => {
    const { root, write, workspaceOf } = await makeFolder();
    write('a/ansible.cfg');
    write('a/b/c/site.yml');
    write('other/x.yml');
    expect(workspaceOf('a/b/c/site.yml', null)).toMatchObject({
      folder: join(root, 'a'),
      workingFolder: 'a',
      ansibleConfig: 'a/ansible.cfg',
    });
    write('a/b/ansible.cfg');
    expect(workspaceOf('a/b/c/site.yml', null).workingFolder).toBe('a/b');
    expect(workspaceOf('a/b/site.yml', null).workingFolder).toBe('a/b');
    expect(workspaceOf('a/site.yml', null).workingFolder).toBe('a');
    expect(workspaceOf('other/x.yml', null)).toMatchObject({
      folder: root,
      workingFolder: '',
      ansibleConfig: null,
    });
    expect(workspaceOf('x.yml', null).workingFolder).toBe('');
    write('ansible.cfg');
    expect(workspaceOf('other/x.yml', null)).toMatchObject({
      workingFolder: '',
      ansibleConfig: 'ansible.cfg',
    });
  });

  it('is the one that was asked for, whatever lies nearer', async () => {
    const { root, write, workspaceOf } = await makeFolder();
    write('a/ansible.cfg');
    write('b/x');
    expect(workspaceOf('a/site.yml', '')).toMatchObject({
      folder: root,
      workingFolder: '',
      ansibleConfig: null,
    });
    expect(workspaceOf('a/site.yml', 'b')).toMatchObject({ workingFolder: 'b', ansibleConfig: null });
    expect(workspaceOf('a/site.yml', './b/').workingFolder).toBe('b');
    expect(workspaceOf('a/site.yml', '.').workingFolder).toBe('');
    expect(() => workspaceOf('a/site.yml', 'none')).toThrow(/working folder "none" is not there/);
  });

  it('names the configuration that Ansible takes: of the user, where the folder has none or anybody may write to it', async () => {
    const { root, home, write, workspaceOf } = await makeFolder();
    writeFileSync(join(home, '.ansible.cfg'), '');
    expect(workspaceOf('a/site.yml', null).ansibleConfig).toBe(join(home, '.ansible.cfg'));
    write('a/ansible.cfg');
    expect(workspaceOf('a/site.yml', null).ansibleConfig).toBe('a/ansible.cfg');
    chmodSync(join(root, 'a'), 0o777);
    expect(workspaceOf('a/site.yml', null)).toMatchObject({
      workingFolder: 'a',
      ansibleConfig: join(home, '.ansible.cfg'),
    });
  });

  it('is not waited for and not misled by what is named ansible.cfg and is none', async () => {
    const { root, write, workspaceOf } = await makeFolder();
    write('a/b/site.yml');
    write('c/site.yml');
    execFileSync('mkfifo', [join(root, 'a/b/ansible.cfg')]);
    mkdirSync(join(root, 'a/ansible.cfg'));
    symlinkSync('nowhere', join(root, 'c/ansible.cfg'));
    expect(workspaceOf('a/b/site.yml', null).workingFolder).toBe('');
    expect(workspaceOf('c/site.yml', null).workingFolder).toBe('');
    expect(() => workspaceOf('a/b/site.yml', 'a/b')).toThrow(/is not a file that can be read/);
    rmSync(join(root, 'c/ansible.cfg'));
    symlinkSync('/etc/hostname', join(root, 'c/ansible.cfg'));
    expect(workspaceOf('c/site.yml', null)).toMatchObject({
      workingFolder: 'c',
      ansibleConfig: 'c/ansible.cfg',
    });
  });
});

describe('the home of a run', () => {
  it('is that of the user', async () => {
    const { workspaceOf } = await makeFolder();
    const { environment, notice } = workspaceOf('x.yml', null);
    expect(environment.HOME).toBeUndefined();
    expect(notice).toBeNull();
  });

  it.each(['/nowhere/at/all', '/etc/hostname'])('is our own, and says so, where %s is none', async (home) => {
    const { ownHome, workspaceOf } = await makeFolder({ HOME: home });
    const { environment, notice } = workspaceOf('x.yml', null);
    expect(environment.HOME).toBe(ownHome);
    expect(existsSync(ownHome)).toBe(true);
    expect(notice).toContain(home);
    expect(notice).toContain(ownHome);
  });
});

describe('a run without our plugin', () => {
  const CONFIG = '[defaults]\ncallback_plugins = cb\n';

  it('says so and why, and has nothing that the plugin would take back from its tasks', async () => {
    const { write, workspaceOf } = await makeFolder({ PYTHONUNBUFFERED: '1' }, { PYTHONUNBUFFERED: null });
    write('a:b/ansible.cfg', CONFIG);
    const { environment, notice } = workspaceOf('a:b/x.yml', null);
    expect(environment).toEqual({ PYTHONUNBUFFERED: null, SIBLE_EVENTS: null });
    expect(notice).toMatch(
      /^Sible: The plugin .+ could not be loaded: ".+a:b\/ansible\.cfg" names .+\. Prompts at run time .+ not noticed/,
    );
  });

  it('and without a home says both, in one line', async () => {
    const { write, workspaceOf } = await makeFolder({ HOME: '/nowhere' });
    write('a:b/ansible.cfg', CONFIG);
    const { notice } = workspaceOf('a:b/x.yml', null);
    expect(notice).toMatch(/^Sible: The home folder .+ in ~\. The plugin .+ answers them\.$/);
  });
});

describe('the folder of ssh control sockets', () => {
  it('is left to Ansible where its path is short, and to the user who has named one', async () => {
    const short = await makeFolder({ HOME: '/root' });
    expect(short.workspaceOf('x.yml', null).environment[CONTROL_DIR]).toBeUndefined();
    for (const name of [CONTROL_DIR, 'ANSIBLE_SSH_CONTROL_PATH']) {
      const named = await makeLongHome({ [name]: '/x' });
      expect(named.workspaceOf('x.yml', null).environment[CONTROL_DIR]).toBeUndefined();
    }
    const configured = await makeLongHome();
    configured.write('a/ansible.cfg', '[ssh_connection]\ncontrol_path_dir = /run/x\n');
    configured.write('b/ansible.cfg', '[ssh_connection]\ncontrol_path = %(directory)s/%%h\n');
    configured.write('c/ansible.cfg', '[ssh_connection]\npipelining = true\n');
    const found = ['a', 'b', 'c'].map(
      (folder) => configured.workspaceOf(`${folder}/x.yml`, null).environment[CONTROL_DIR],
    );
    expect(found).toEqual([undefined, undefined, expect.stringMatching(/^\//)]);
  });

  it('is short and for this user alone, also when others were there first', async () => {
    const { path } = await makeFolder();
    const runtime = join(path, 'r');
    mkdirSync(runtime, { mode: 0o700 });
    const { workspaceOf } = await makeLongHome({ XDG_RUNTIME_DIR: runtime });
    const dirOf = () => workspaceOf('x.yml', null).environment[CONTROL_DIR] ?? '';
    const check = (found: string) => {
      const info = lstatSync(found);
      expect(Buffer.byteLength(found)).toBeLessThanOrEqual(62);
      expect([info.isDirectory(), info.uid, info.mode & 0o777]).toEqual([true, process.getuid?.(), 0o700]);
    };
    const own = join(runtime, 'sible-cp');
    expect(dirOf()).toBe(own);
    check(own);
    for (const spoil of [
      () => chmodSync(own, 0o777),
      () => {
        rmSync(own, { recursive: true });
        symlinkSync(path, own);
      },
      () => {
        rmSync(own);
        writeFileSync(own, '');
      },
    ]) {
      spoil();
      const other = dirOf();
      expect(other).not.toBe(own);
      check(other);
    }
  });
});
