import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { mountPoints } from '../../../../server/runner/process/mounts.ts';
import { folderIdOf, removeRenamed } from '../../../../server/runner/process/spool-removal.ts';
import { makeRunner, outputOf, request } from '../../../support/make-runner.ts';

/** What a playbook does to its spool folder so that it cannot be removed, or is not where it was. */

/** Whether these commands work here, on a folder that is made for them. */
function works(...commands: string[]): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'sible-works-'));
  try {
    for (const command of commands) execFileSync('sh', ['-c', command], { cwd: folder, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A run that has done this, as `$spool`, and ended with 3. */
async function runThat(script: string) {
  const made = await makeRunner(`spool=$(dirname "$SIBLE_EVENTS"); ${script}; echo done; exit 3`);
  const id = randomUUID();
  const running = made.runner.start(request(made.runner, id));
  expect(await running.exit).toMatchObject({ exitCode: 3, isLost: false });
  expect(await outputOf(running)).toBe('done\n');
  const path = dirname(made.spool(id, 'x'));
  return { ...made, id, path, runsDir: dirname(path) };
}

it.each([
  'mv "$spool" "$spool.old"',
  'mv "$spool" "$spool/../moved"',
  'mv "$spool" "$spool-"; mkdir "$spool"',
])('a folder that is renamed (%s) is removed, and its run keeps its end', async (script) => {
  const { id, runner, runsDir, warnings } = await runThat(script);
  expect(readdirSync(runsDir).length).toBeGreaterThan(0);
  await runner.discard(id);
  expect(readdirSync(runsDir)).toEqual([]);
  expect(warnings).toEqual([]);
});

it('a folder that got the number of a removed one is not it', async () => {
  const { path, runsDir } = await runThat('true');
  const other = join(runsDir, 'other');
  mkdirSync(other);
  const id = folderIdOf(statSync(other));
  await removeRenamed(path, { ...id, birthtimeMs: id.birthtimeMs - 1 }, () => false);
  await removeRenamed(path, id, (name) => name === 'other');
  expect(existsSync(other)).toBe(true);
  await removeRenamed(path, id, () => false);
  expect(existsSync(other)).toBe(false);
});

it('a folder that is renamed while no server lives is removed when one comes', async () => {
  const { id, runner, restart, runsDir } = await runThat('true');
  await runner.close();
  execFileSync('mv', [join(runsDir, id), join(runsDir, 'moved')]);
  const later = restart();
  for (const name of await later.listSpooled()) await later.discard(name);
  expect(readdirSync(runsDir)).toEqual([]);
});

it('one that was moved away or removed altogether is not looked for elsewhere', async () => {
  const { id, runner, runsDir, folder, warnings } = await runThat('mv "$spool" "$spool/../../../away"');
  await runner.discard(id);
  expect(readdirSync(runsDir)).toEqual([]);
  expect(existsSync(join(folder, 'away'))).toBe(true);
  expect(warnings).toEqual([]);
});

it('what can be no folder of a run is left, and told of once', async () => {
  const { runner, id, runsDir, warnings } = await runThat(
    'mv "$spool" "$spool.old"; mkdir "$(dirname "$spool")/lost+found"',
  );
  await runner.close();
  writeFileSync(join(runsDir, 'a\nb'), '');
  expect(await runner.listSpooled()).toEqual([]);
  expect(warnings).toEqual([
    expect.stringMatching(/^"\/.+\/runs" holds 2 files or folders that are of no run, and are left: /),
  ]);
  expect(warnings[0]).toContain('"a\\nb"');
  expect(warnings[0]).toContain(`"${id}.old"`);
});

it.runIf(works('touch a', 'chattr +i a', 'chattr -i a'))(
  'a folder with a file that cannot be removed is told of once, and hinders nothing',
  async () => {
    const { id, path, runner, restart, warnings } = await runThat(
      'touch "$spool/fixed"; chattr +i "$spool/fixed"',
    );
    onTestFinished(() => void (existsSync(path) && execFileSync('chattr', ['-R', '-i', path])));
    await runner.discard(id);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^The spool folder "\/.+" of a run that has ended cannot be removed \(EPERM: .+fixed'\); it is tried again when the server starts\.$/,
      ),
    ]);
    expect(warnings[0]).toContain(path);
    execFileSync('chattr', ['-i', join(path, 'fixed')]);
    await runner.close();
    await restart().discard(id);
    expect(existsSync(path)).toBe(false);
    expect(warnings).toHaveLength(1);
  },
);

it.runIf(works('touch a', 'chattr +i a', 'chattr -i a'))(
  'a folder that cannot be changed is told of once, and its run has its end',
  async () => {
    const { id, path, runner, warnings } = await runThat('chattr +i "$spool"');
    await runner.discard(id);
    execFileSync('chattr', ['-i', path]);
    expect(warnings).toEqual([
      expect.stringContaining(`"${path}" of a run that has ended cannot be removed`),
    ]);
  },
);

it.runIf(works('mkdir a b', 'mount --bind a b', 'umount b'))(
  'what is mounted in a folder is not emptied with it',
  async () => {
    const theirs = mkdtempSync(join(tmpdir(), 'sible-theirs-'));
    mkdirSync(join(theirs, 'folder'));
    writeFileSync(join(theirs, 'folder/precious'), '');
    onTestFinished(() => rmSync(theirs, { recursive: true }));
    const { id, path, runner, warnings } = await runThat(
      `mkdir -p "$spool/a b"; mount --bind ${theirs} "$spool/a b"`,
    );
    const mounted = join(path, 'a b');
    let isMounted = true;
    const unmount = () => {
      if (isMounted) execFileSync('umount', [mounted]);
      isMounted = false;
    };
    onTestFinished(unmount);
    await runner.discard(id);
    expect(readdirSync(join(theirs, 'folder'))).toEqual(['precious']);
    expect(warnings).toEqual([expect.stringContaining(`(something is mounted at "${mounted}")`)]);
    unmount();
    await runner.discard(id);
    expect(existsSync(path)).toBe(false);
  },
);

it('reads where something is mounted', () => {
  const text =
    '22 1 0:5 / /proc rw - proc proc rw\n23 1 8:1 /x /data/a\\040b\\134c rw shared:1 - ext4 /dev/sda1 rw\n';
  expect(mountPoints(text)).toEqual(['/proc', '/data/a b\\c']);
});
