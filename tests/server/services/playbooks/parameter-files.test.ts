import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkParameterFiles } from '../../../../server/services/playbooks/parameter-files.ts';
import { NO_PARAMETERS, type RunParameters } from '../../../../shared/run-parameters.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

/** A playbook folder with one of each kind of thing, and a folder beside it. */
async function makeFolder() {
  const { path, remove } = await makeTempDir();
  onTestFinished(remove);
  const [root, outside] = [join(realpathSync(path), 'playbooks'), join(path, 'playbooks-outside')];
  for (const folder of [root, outside, join(root, 'inventory')]) mkdirSync(folder);
  for (const file of [join(root, 'hosts'), join(root, 'inventory/prod'), join(outside, 'key')])
    writeFileSync(file, '');
  execFileSync('mkfifo', [join(root, 'pipe')]);
  for (const [name, target] of [
    ['link', 'hosts'],
    ['folderlink', 'inventory'],
    ['dead', 'nowhere'],
    ['loop', 'loop'],
    ['out', join(outside, 'key')],
    ['outfolder', outside],
  ] as const)
    symlinkSync(target, join(root, name));
  const look = async (parameters: Partial<RunParameters>) =>
    (await checkParameterFiles(root, { ...NO_PARAMETERS, ...parameters })).map(({ path: field, message }) => [
      field.join('.'),
      message,
    ]);
  return { root, outside, look };
}

it('accepts what is there: files, folders, links inside, lists of hosts, and a key anywhere', async () => {
  const { look, outside } = await makeFolder();
  expect(
    await look({
      inventories: ['hosts', 'inventory', 'inventory/prod', 'link', 'folderlink', '.', 'nowhere,', 'a,b,'],
      extraVarsFiles: ['hosts', 'link', 'folderlink/prod'],
      privateKeyFile: join(outside, 'key'),
      workingFolder: '',
    }),
  ).toEqual([]);
  expect(await look({ privateKeyFile: 'out', workingFolder: 'inventory' })).toEqual([]);
  expect(await look({ privateKeyFile: 'hosts', workingFolder: 'folderlink' })).toEqual([]);
});

const IS = {
  inventories: 'The inventory',
  extraVarsFiles: 'The variables file',
  privateKeyFile: 'The private key file',
  workingFolder: 'The working folder',
};
type Field = keyof typeof IS;

it.each<[Field, string, string]>([
  ['inventories', 'none', 'is not there in the playbook folder.'],
  ['inventories', 'dead', 'is a link to something that is not there.'],
  ['inventories', 'loop', 'is a link that leads back to itself.'],
  ['inventories', 'out', 'is reached through a link that leaves the playbook folder.'],
  ['inventories', 'outfolder/key', 'is reached through a link that leaves the playbook folder.'],
  ['inventories', 'pipe', 'is a named pipe; expected a file or a folder.'],
  ['inventories', 'hosts/a', 'is not there in the playbook folder: a part of its path is no folder.'],
  ['inventories', `${'x'.repeat(256)}`, 'has a name that is too long.'],
  ['extraVarsFiles', 'inventory', 'is a folder; expected a file.'],
  ['extraVarsFiles', 'pipe', 'is a named pipe; expected a file.'],
  ['extraVarsFiles', 'out', 'is reached through a link that leaves the playbook folder.'],
  ['privateKeyFile', '/none/at/all', 'is not there.'],
  ['privateKeyFile', '~/.ssh/sible-has-no-such-key', 'is not there.'],
  ['privateKeyFile', 'none', 'is not there in the playbook folder.'],
  ['privateKeyFile', '/dev/null', 'is a device; expected a file.'],
  ['privateKeyFile', 'outfolder', 'is a folder; expected a file.'],
  ['workingFolder', 'hosts', 'is a file; expected a folder.'],
  ['workingFolder', 'outfolder', 'is reached through a link that leaves the playbook folder.'],
])('says of %s "%s" what is wrong with it', async (field, value, problem) => {
  const { look } = await makeFolder();
  const isList = field === 'inventories' || field === 'extraVarsFiles';
  const found = await look({ [field]: isList ? ['hosts', value] : value });
  expect(found).toEqual([
    [`parameters.${field}`, expect.stringMatching(new RegExp(`^${IS[field]} "(.*)" `, 's'))],
  ]);
  expect(found[0]?.[1]?.endsWith(`" ${problem}`)).toBe(true);
});

it('names each thing that is wrong, in the order of the fields', async () => {
  const { look } = await makeFolder();
  const found = await look({
    workingFolder: 'none',
    inventories: ['one', 'two', 'hosts'],
    extraVarsFiles: ['three'],
  });
  expect(found.map(([field]) => field)).toEqual([
    'parameters.inventories',
    'parameters.inventories',
    'parameters.extraVarsFiles',
    'parameters.workingFolder',
  ]);
  expect(found[1]?.[1]).toContain('"two"');
});

/** Asks as nobody, with the code loaded before: the folder that it is in may be closed to others. */
const AS_NOBODY = `
  const { checkParameterFiles } = await import(process.argv[1]);
  process.setuid(65534);
  console.log(JSON.stringify(await checkParameterFiles(process.argv[2], JSON.parse(process.argv[3]))));`;

it.skipIf(process.getuid?.() !== 0)('says when a file may not be read', async () => {
  const { root } = await makeFolder();
  chmodSync(join(root, '..'), 0o755);
  writeFileSync(join(root, 'secret'), '', { mode: 0o600 });
  mkdirSync(join(root, 'closed'), { mode: 0o700 });
  const parameters: RunParameters = {
    ...NO_PARAMETERS,
    inventories: ['hosts', 'secret', 'closed'],
    extraVarsFiles: ['closed/x'],
    privateKeyFile: 'secret',
  };
  const module = new URL('../../../../server/services/playbooks/parameter-files.ts', import.meta.url).href;
  const options = ['--import', 'tsx', '--input-type=module', '--eval', AS_NOBODY];
  const answer = execFileSync(process.execPath, [...options, module, root, JSON.stringify(parameters)], {
    encoding: 'utf8',
  });
  const messages = JSON.parse(answer).map(({ message }: { message: string }) => message);
  expect(messages).toEqual([
    'The inventory "secret" cannot be read: permission denied.',
    'The inventory "closed" cannot be read: permission denied.',
    'The variables file "closed/x" cannot be read: permission denied.',
    'The private key file "secret" cannot be read: permission denied.',
  ]);
});
