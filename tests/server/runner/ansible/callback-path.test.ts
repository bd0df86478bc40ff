import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { callbackEnvironment } from '../../../../server/runner/ansible/callback-path.ts';
import { findAnsible } from '../../../support/ansible.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

/** Answers for each environment and folder that it is told of, in a fork that reads Ansible's configuration as every start does. */
const ASK = `
import json, os, sys
import ansible.config.manager
assert 'ansible.constants' not in sys.modules
for line in sys.stdin:
    asked = json.loads(line)
    if os.fork() == 0:
        os.environ.clear()
        os.environ.update(asked['env'])
        os.chdir(asked['cwd'])
        from ansible import constants
        print(json.dumps(list(constants.DEFAULT_CALLBACK_PLUGIN_PATH)), flush=True)
        os._exit(0)
    if os.wait()[1] != 0:
        sys.exit(1)
`;

let python: ChildProcessWithoutNullStreams;
let answers: AsyncIterator<string>;
beforeAll(() => {
  const program = join(dirname(realpathSync(findAnsible())), 'python');
  python = spawn(program, ['-c', ASK], { env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } });
  answers = createInterface(python.stdout)[Symbol.asyncIterator]();
});
afterAll(() => void python.kill());

/** What the real Ansible takes for its callback folders. */
async function ansibleSays(env: Record<string, string>, cwd: string): Promise<string[]> {
  python.stdin.write(`${JSON.stringify({ env, cwd })}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`Ansible cannot say it: ${python.stderr.read()}`);
  return JSON.parse(value) as string[];
}

/** What is changed for a run that has our plugin. */
function changesOf(...given: Parameters<typeof callbackEnvironment>): Record<string, string> {
  const { environment, problem } = callbackEnvironment(...given);
  expect(problem).toBeNull();
  return environment as Record<string, string>;
}

async function makeFolders() {
  const folder = await makeTempDir();
  onTestFinished(() => folder.remove());
  const path = realpathSync(folder.path);
  const [cwd, home, ours] = [join(path, 'work'), join(path, 'home'), join(path, 'ours')];
  for (const each of [cwd, home, ours]) mkdirSync(each);
  const env: Record<string, string> = {
    PATH: '/usr/bin:/bin',
    HOME: home,
    LC_ALL: 'C.UTF-8',
    X: 'x',
    ABS: '/abs',
  };
  return { cwd, home, ours, env };
}

/** Names of configurations and what they hold; null: none. */
const CONFIGS: readonly (readonly [string, string | null])[] = [
  ['none', null],
  ['without the key', '[defaults]\nforks = 3\n'],
  ['relative', '[defaults]\ncallback_plugins = ./callbacks:more/of\n'],
  [
    'home, variables and the folder of the start',
    '[defaults]\ncallback_plugins = ~/c:$ABS/c:$' + '{X}/c:$NONE/c:{{CWD}}/c\n',
  ],
  ['a colon instead of the equals sign', '[defaults]\nCallback_Plugins: a/b\n'],
  ['comments', '# a\n[defaults]\n; b\ncallback_plugins = c # kept ; cut\n  ; not this\n'],
  ['a semicolon that begins no comment', '[defaults]\ncallback_plugins = c;d\n'],
  ['quotes, which mean nothing', '[defaults]\ncallback_plugins = "c"\n'],
  [
    'another section first and after',
    '[x]\ncallback_plugins = no\n[defaults]\ncallback_plugins = yes\n[y]\ncallback_plugins = no\n',
  ],
  ['the section that all share', '[DEFAULT]\ncallback_plugins = shared\n[defaults]\nforks = 3\n'],
  ['a home of its own', '[defaults]\nhome = ./ansible-home\n'],
  ['a percent sign', '[defaults]\ncallback_plugins = 100%/c:%(x)s\n'],
  ['Windows line endings', '[defaults]\r\ncallback_plugins = c\r\nforks = 3\r\n'],
  ['an empty value', '[defaults]\ncallback_plugins =\nforks = 3\n'],
];

describe('the callback folders of a run', () => {
  it.each(CONFIGS)('are those of Ansible and ours: ansible.cfg with %s', async (_name, text) => {
    const { cwd, env, ours } = await makeFolders();
    if (text !== null) writeFileSync(join(cwd, 'ansible.cfg'), text);

    const added = changesOf(env, cwd, ours);

    expect(await ansibleSays({ ...env, ...added }, cwd)).toEqual([...(await ansibleSays(env, cwd)), ours]);
    expect(JSON.parse(added.SIBLE_RESTORE_ENV ?? '')).toEqual({ ANSIBLE_CALLBACK_PLUGINS: null });
  });

  it.each([
    ['a named one', { ANSIBLE_CONFIG: 'other.cfg' }],
    ['a named folder', { ANSIBLE_CONFIG: '$HOME' }],
    ['one that is not there', { ANSIBLE_CONFIG: '/nowhere/ansible.cfg' }],
    ['a user’s own variable', { ANSIBLE_CALLBACK_PLUGINS: 'mine:~/mine' }],
    ['a home of Ansible', { ANSIBLE_HOME: '~/a' }],
  ])('are found where Ansible looks: %s', async (_name, more) => {
    const { cwd, env, home, ours } = await makeFolders();
    writeFileSync(join(cwd, 'other.cfg'), '[defaults]\ncallback_plugins = other\n');
    writeFileSync(join(home, 'ansible.cfg'), '[defaults]\ncallback_plugins = in-home\n');
    writeFileSync(join(home, '.ansible.cfg'), '[defaults]\nforks = 3\n');
    const own = { ...env, ...more };

    const added = changesOf(own, cwd, ours);

    expect(await ansibleSays({ ...own, ...added }, cwd)).toEqual([...(await ansibleSays(own, cwd)), ours]);
  });

  it('follow a configuration that is changed, and that of a folder which anybody may write to does not count', async () => {
    const { cwd, env, ours } = await makeFolders();
    const config = join(cwd, 'ansible.cfg');
    const folders = () => changesOf(env, cwd, ours).ANSIBLE_CALLBACK_PLUGINS;
    writeFileSync(config, '[defaults]\ncallback_plugins = one\n');
    expect(folders()).toBe(`${cwd}/one:${ours}`);
    writeFileSync(config, '[defaults]\ncallback_plugins = another\n');
    expect(folders()).toBe(`${cwd}/another:${ours}`);
    chmodSync(cwd, 0o777);
    expect(folders()).toBe(`~/.ansible/plugins/callback:/usr/share/ansible/plugins/callback:${ours}`);
  });

  it.each<[string, string, (cwd: string) => void, RegExp]>([
    [
      'a pipe',
      'work',
      (cwd) => void execFileSync('mkfifo', [join(cwd, 'ansible.cfg')]),
      /cannot be read \(it is not a file\)$/,
    ],
    [
      'a configuration that is too long',
      'work',
      (cwd) => writeFileSync(join(cwd, 'ansible.cfg'), `[defaults]\n${'#'.repeat(262_144)}`),
      /cannot be read \(it has more than 262144 bytes\)$/,
    ],
    [
      'a value that is too long',
      'work',
      (cwd) =>
        writeFileSync(join(cwd, 'ansible.cfg'), `[defaults]\ncallback_plugins = ${'x'.repeat(8_193)}\n`),
      /^"callback_plugins" in ".+ansible\.cfg" has more than 8192 characters$/,
    ],
    [
      'a folder with a colon',
      'a:b',
      (cwd) => writeFileSync(join(cwd, 'ansible.cfg'), '[defaults]\ncallback_plugins = /abs:cb\n'),
      /a:b\/ansible\.cfg" names its folders of plugins from a folder whose path has a ":" or a "\$"$/,
    ],
    [
      'a home in a folder with a dollar sign',
      'a$b',
      (cwd) => writeFileSync(join(cwd, 'ansible.cfg'), '[defaults]\nhome = h\n'),
      /a\$b\/ansible\.cfg" names/,
    ],
  ])(
    'are left alone where they cannot be told, and what is not for tasks goes at once: %s',
    async (_what, name, make, problem) => {
      const { cwd: work, env, ours } = await makeFolders();
      const cwd = join(dirname(work), name);
      mkdirSync(cwd, { recursive: true });
      make(cwd);
      const forTasks = { ANSIBLE_FORCE_COLOR: '0', PYTHONUNBUFFERED: null };
      expect(callbackEnvironment(env, cwd, ours, forTasks)).toEqual({
        environment: { ...forTasks, SIBLE_EVENTS: null },
        problem: expect.stringMatching(problem),
      });
    },
  );

  it('and where the plugin itself lies in a folder with a colon', async () => {
    const { cwd, env } = await makeFolders();
    const { problem } = callbackEnvironment({ ...env, ANSIBLE_CALLBACK_PLUGINS: 'mine' }, cwd, '/a:b');
    expect(problem).toBe('the path "/a:b" has a ":" or a "$"');
  });

  it('a folder with a colon is no hindrance where the folders of plugins are not named from it', async () => {
    const { cwd: work, env, ours } = await makeFolders();
    const cwd = join(work, 'a:b');
    mkdirSync(cwd);
    writeFileSync(join(cwd, 'ansible.cfg'), '[defaults]\ncallback_plugins = ~/cb\n');
    expect(await ansibleSays({ ...env, ...changesOf(env, cwd, ours) }, cwd)).toEqual([
      ...(await ansibleSays(env, cwd)),
      ours,
    ]);
  });
});
