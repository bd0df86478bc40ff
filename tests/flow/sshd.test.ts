import { chmodSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findAnsible } from '../support/ansible.ts';
import { type RunView, readLog, runPlaybook, waitForEnd } from '../support/operations.ts';
import { ADDRESSES, isSshdMissing, type SshMachine, withSshMachine } from '../support/sshd.ts';
import { SQLITE } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

/**
 * Real Ansible against a real sshd, as a user whose home holds what a home holds: how each run ends, what it says of the
 * cause, and how soon.
 */

const MAX_SECONDS = 15;
const AT_ONCE = 3;

/** How a run ends on a host of this name. */
interface End {
  of(host: string): Pick<RunView, 'status' | 'exitCode' | 'reason'>;
  /** As whom the task ran, of a run that succeeds. @param account that was logged in to */
  as?(account: string): string;
}
const succeeded = { status: 'SUCCEEDED', exitCode: 0, reason: null };
const ran: End = { of: () => succeeded, as: (account) => account };
const ranAsRoot: End = { of: () => succeeded, as: () => 'root' };
const failure = (exitCode: number, reason: string) => ({ status: 'FAILED', exitCode, reason });
const unreachable = (cause: string): End => ({
  of: (host) => failure(4, `Host ${host} could not be reached: ${cause}.`),
});
const failed = (cause: string): End => ({ of: (host) => failure(2, `Host ${host} failed: ${cause}.`) });
const stopped = (reason: string): End => ({ of: () => failure(1, reason) });

const UNKNOWN_OR_CHANGED = 'the SSH host key is unknown or has changed; compare it with known_hosts';
const NO_KEY = 'no SSH key was accepted; one with a passphrase needs an ssh-agent';
const NO_LOGIN = 'no SSH key or password was accepted; a key with a passphrase needs an ssh-agent';

interface Case {
  readonly title: string;
  readonly at?: keyof typeof ADDRESSES;
  /** Whose account of the host: what logs in there, and what sudo grants, is said in `prepare`. */
  readonly as: 'admin' | 'operator' | 'guest';
  readonly password?: 'right' | 'wrong';
  /** One with an ansible.cfg of its own, see below; the playbook folder itself when there is none. */
  readonly folder?: string;
  readonly parameters?: object;
  readonly end: End;
}

const BECOME = { become: true };

const CASES: readonly Case[] = [
  { title: 'default key', as: 'admin', end: ran },
  { title: '~ key of ansible.cfg', as: 'operator', folder: 'named-key', end: ran },
  { title: '~ key as a parameter', as: 'operator', parameters: { privateKeyFile: '~/.ssh/key' }, end: ran },
  { title: 'passphrase key, agent', as: 'guest', end: ran },
  {
    title: 'passphrase key by name, agent',
    as: 'guest',
    parameters: { privateKeyFile: '~/.ssh/in-agent' },
    end: ran,
  },
  { title: 'passphrase key, no agent', as: 'guest', folder: 'no-agent', end: unreachable(NO_LOGIN) },
  {
    title: 'unknown host key',
    at: 'unknown',
    as: 'admin',
    end: unreachable('the SSH host key is unknown; add it to known_hosts'),
  },
  {
    title: 'changed host key',
    at: 'changed',
    as: 'admin',
    end: unreachable('the SSH host key is not the one in known_hosts; it has changed'),
  },
  { title: 'refused key', as: 'operator', end: unreachable(NO_LOGIN) },
  { title: 'refused key, keys only', at: 'keysOnly', as: 'operator', end: unreachable(NO_KEY) },
  {
    title: 'key file open to others',
    as: 'operator',
    parameters: { privateKeyFile: '~/.ssh/open' },
    end: unreachable('the SSH key file may be read by others, so ssh ignores it'),
  },
  {
    title: 'missing key file',
    as: 'operator',
    folder: 'no-key',
    end: unreachable('no SSH key was accepted; a key file that is named is not there'),
  },
  { title: 'SSH password', as: 'operator', password: 'right', end: ran },
  { title: 'wrong SSH password', as: 'operator', password: 'wrong', end: unreachable(NO_LOGIN) },
  { title: 'SSH password, sshpass', as: 'operator', password: 'right', folder: 'sshpass', end: ran },
  {
    title: 'wrong SSH password, sshpass',
    as: 'operator',
    password: 'wrong',
    folder: 'sshpass',
    end: unreachable('the SSH password is wrong'),
  },
  {
    title: 'SSH password, unknown host key',
    at: 'unknown',
    as: 'operator',
    password: 'right',
    end: failed(UNKNOWN_OR_CHANGED),
  },
  {
    title: 'SSH password, changed host key',
    at: 'changed',
    as: 'operator',
    password: 'right',
    folder: 'sshpass',
    end: failed(UNKNOWN_OR_CHANGED),
  },
  { title: 'become, password file', as: 'admin', folder: 'become-file', parameters: BECOME, end: ranAsRoot },
  {
    title: 'become, no password',
    as: 'admin',
    parameters: BECOME,
    end: failed('sudo asks for a password, and none was given'),
  },
  {
    title: 'become, wrong password',
    as: 'admin',
    folder: 'wrong-file',
    parameters: BECOME,
    end: failed('the sudo password is wrong'),
  },
  {
    title: 'become, missing password file',
    as: 'admin',
    folder: 'missing-file',
    parameters: BECOME,
    end: stopped('Nothing ran: a password file was not found.'),
  },
  { title: 'become, NOPASSWD', as: 'operator', folder: 'named-key', parameters: BECOME, end: ranAsRoot },
  {
    title: 'become, no sudo rights',
    as: 'guest',
    folder: 'guest-file',
    parameters: BECOME,
    end: failed('the user may not use sudo'),
  },
  {
    title: 'become, unknown user',
    as: 'operator',
    folder: 'named-key',
    parameters: { become: true, becomeUser: 'nosuchuser' },
    end: failed(
      "Ansible's files could not be handed to the user to become; it does not exist, or the host has no setfacl",
    ),
  },
];

/** The folders with the lines of their ansible.cfg beside the inventory. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  '': [],
  'named-key': ['private_key_file = ~/.ssh/key'],
  'no-key': ['private_key_file = ~/.ssh/none'],
  'become-file': ['become_password_file = ~/.become_pass'],
  'wrong-file': ['become_password_file = ~/.wrong_pass'],
  'missing-file': ['become_password_file = ~/.no_such_pass'],
  'guest-file': ['become_password_file = ~/.guest_pass'],
  'no-agent': ['private_key_file = ~/.ssh/in-agent', '[ssh_connection]', 'ssh_args = -o IdentityAgent=none'],
  sshpass: ['[ssh_connection]', 'password_mechanism = sshpass'],
};

const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - name: Who is it
      ansible.builtin.command: id -un
      register: who
      changed_when: false
    - name: Tell
      ansible.builtin.debug:
        msg: it is {{ who.stdout }}
`;

interface Result {
  readonly run: RunView;
  readonly seconds: number;
  readonly log: string;
  /** Name of the Linux user that was logged in to. */
  readonly account: string;
}

/** A host of its own for each, so that none finds the connection that another has opened. */
const hostOf = ({ title }: Case) => title.replaceAll(/[^A-Za-z]+/g, '-').replaceAll(/^-|-$/g, '');

describe.skipIf(isSshdMissing)('over SSH', () => {
  const results = new Map<string, Result>();

  beforeAll(async () => {
    await withSshMachine(async (machine) => {
      const { user, accounts, playbooks, socket } = await prepare(machine);
      const options = {
        storage: SQLITE,
        ansible: 'real',
        launcher: machine.launcherFor(user),
        env: {
          PATH: `${dirname(findAnsible())}:/usr/local/bin:/usr/bin:/bin`,
          HOME: user.home,
          USER: user.name,
          LOGNAME: user.name,
          LANG: 'C.UTF-8',
          SSH_AUTH_SOCK: socket,
          SIBLE_PLAYBOOKS_DIR: playbooks,
          SIBLE_CONCURRENCY: String(AT_ONCE),
        },
      } as const;
      await withServer(options, async ({ api }) => {
        const left = [...CASES];
        const worker = async () => {
          for (let one = left.shift(); one; one = left.shift()) {
            const before = performance.now();
            const path = join(one.folder ?? '', 'who.yml');
            const id = await runPlaybook(api, path, { limit: hostOf(one), ...one.parameters });
            const run = await waitForEnd(() => api, id);
            const seconds = (performance.now() - before) / 1_000;
            const log = (await readLog(api, id)).text;
            results.set(one.title, { run, seconds, log, account: accounts[one.as].name });
          }
        };
        await Promise.all(Array.from({ length: AT_ONCE }, worker));
        // they live in the cgroups of their runs, which the server removes when it stops
        await machine.closeConnections(user);
      });
    });
    console.table(
      CASES.flatMap(({ title }) => {
        const result = results.get(title);
        if (!result) return [];
        const { status, exitCode, reason } = result.run;
        const seconds = Number(result.seconds.toFixed(1));
        return { case: title, status, 'exit code': exitCode, reason, seconds };
      }),
    );
  }, 120_000);

  it.each(CASES.map((one) => [one.title, one] as const))('%s', (title, one) => {
    const result = results.get(title);
    if (!result) throw new Error('It was not run.');
    const { run, log, account, seconds } = result;
    const { status, exitCode, reason } = run;
    expect({ status, exitCode, reason }, log).toEqual(one.end.of(hostOf(one)));
    if (one.end.as) expect(log).toContain(`it is ${one.end.as(account)}"`);
    expect(seconds).toBeLessThan(MAX_SECONDS);
  });
});

/** A home with keys and passwords, a folder with playbooks, and accounts to log in to. */
async function prepare(machine: SshMachine) {
  const { addUser, authorize, makeKey, write, port, hostKey } = machine;
  const user = addUser('none');
  const inHome = (path: string) => join(user.home, path);
  const accounts = {
    admin: addUser('with-password'),
    operator: addUser('without-password'),
    guest: addUser('none'),
  };

  authorize(accounts.admin, makeKey(user, 'id_ed25519'));
  authorize(accounts.operator, makeKey(user, 'key'), makeKey(user, 'open'));
  authorize(accounts.guest, makeKey(user, 'in-agent'));
  chmodSync(inHome('.ssh/open'), 0o644);
  const socket = await machine.startAgent(user, 'in-agent');

  write(user, inHome('.become_pass'), `${accounts.admin.password}\n`);
  write(user, inHome('.wrong_pass'), 'wrong\n');
  write(user, inHome('.guest_pass'), `${accounts.guest.password}\n`);
  const knownAs = (address: string, key: string) => `[${address}]:${port} ${key}\n`;
  write(
    user,
    inHome('.ssh/known_hosts'),
    knownAs(ADDRESSES.known, hostKey) +
      knownAs(ADDRESSES.keysOnly, hostKey) +
      knownAs(ADDRESSES.changed, makeKey(user, 'of-another-host')),
  );

  const playbooks = join(machine.path, 'playbooks');
  for (const [folder, config] of Object.entries(FOLDERS)) {
    mkdirSync(join(playbooks, folder), { recursive: true });
    const lines = ['[defaults]', `inventory = ${folder ? '../' : ''}hosts.ini`, ...config, ''];
    write(user, join(playbooks, folder, 'ansible.cfg'), lines.join('\n'));
    write(user, join(playbooks, folder, 'who.yml'), PLAYBOOK);
  }
  const hosts = CASES.map((one) => {
    const { name, password } = accounts[one.as];
    const login = `ansible_host=${ADDRESSES[one.at ?? 'known']} ansible_port=${port} ansible_user=${name}`;
    const given = one.password && ` ansible_password=${one.password === 'right' ? password : 'wrong'}`;
    return `${hostOf(one)} ${login}${given ?? ''} ansible_control_path=%(directory)s/${hostOf(one)}\n`;
  });
  write(user, join(playbooks, 'hosts.ini'), hosts.join(''));
  return { user, accounts, playbooks, socket };
}
