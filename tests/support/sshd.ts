import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { makeTempDir } from './temp-dir.ts';
import { waitUntil } from './wait-until.ts';

const SUDOERS = '/etc/sudoers.d';
const SSHD = '/usr/sbin/sshd';
const PROGRAMS = [
  SSHD,
  ...['ssh', 'ssh-agent', 'ssh-add', 'ssh-keygen', 'sudo', 'sshpass', 'setpriv'].map(
    (name) => `/usr/bin/${name}`,
  ),
  ...['useradd', 'userdel', 'chpasswd', 'visudo'].map((name) => `/usr/sbin/${name}`),
];
const missing = [
  ...PROGRAMS.filter((program) => !existsSync(program)),
  ...(process.getuid?.() === 0 ? [] : ['the rights of root']),
];
export const isSshdMissing = missing.length > 0;
if (isSshdMissing && process.env.REQUIRE_SSHD === '1')
  throw new Error(`REQUIRE_SSHD=1, and this is missing: ${missing.join(', ')}.`);
if (isSshdMissing) console.log(`SSH is not covered: that needs ${missing.join(', ')}.`);

/** A Linux user who exists while a test lasts. */
export interface LinuxUser {
  readonly name: string;
  readonly password: string;
  readonly home: string;
  readonly uid: number;
  readonly gid: number;
}

/** What sudo grants: everything for the own password, everything without one, or nothing. */
type SudoRights = 'with-password' | 'without-password' | 'none';

/** A machine with an SSH server of its own on loopback, users to log in as, and a user for the server of Sible. */
export interface SshMachine {
  /** Removed with everything in it when the test ends; users may pass through it. */
  readonly path: string;
  readonly port: number;
  /** The server's public key, as it stands in known_hosts after the address. */
  readonly hostKey: string;
  /** Writes a file that belongs to the user, and that nobody else may read. */
  write(user: LinuxUser, path: string, content: string): void;
  addUser(sudo: SudoRights): LinuxUser;
  /** Makes a key pair in the user's ~/.ssh. @returns the public key */
  makeKey(user: LinuxUser, name: string): string;
  /** Lets the keys log in. */
  authorize(user: LinuxUser, ...publicKeys: string[]): void;
  /** Starts an agent that holds these keys of the user's ~/.ssh, and protects their files with a passphrase. @returns its socket */
  startAgent(user: LinuxUser, ...names: string[]): Promise<string>;
  /** Ends the connections that ssh keeps open for the user's next run. */
  closeConnections(user: LinuxUser): Promise<void>;
  /** How a process is started that is to be this user. */
  launcherFor(user: LinuxUser): readonly string[];
}

/** Where the SSH server listens; it is the same at all of them, but for what the names say. */
export const ADDRESSES = {
  known: '127.0.0.1',
  unknown: '127.0.0.2',
  changed: '127.0.0.3',
  keysOnly: '127.0.0.4',
} as const;
const LISTENING = Object.values(ADDRESSES);

/** Everything is stopped and removed when `work` ends, however it ends. */
export async function withSshMachine(work: (machine: SshMachine) => Promise<void>): Promise<void> {
  const folder = await makeTempDir();
  chmodSync(folder.path, 0o711);
  const users: LinuxUser[] = [];
  const children: ChildProcess[] = [];
  const isOwnRunFolder = mkdirSync('/run/sshd', { recursive: true, mode: 0o755 }) !== undefined;

  const write: SshMachine['write'] = (user, path, content) => {
    writeFileSync(path, content, { mode: 0o600 });
    chownSync(path, user.uid, user.gid);
  };

  const addUser = (sudo: SudoRights): LinuxUser => {
    const name = `sible-${randomBytes(4).toString('hex')}`;
    const password = randomBytes(12).toString('hex');
    const home = join(folder.path, name);
    run('useradd', ['--no-create-home', '--home-dir', home, '--shell', '/bin/sh', '--user-group', name]);
    const idOf = (option: string) => Number(run('id', [option, name]));
    const user = { name, password, home, uid: idOf('-u'), gid: idOf('-g') };
    if (processesOf(user.uid).length > 0) {
      run('userdel', [name]);
      throw new Error(`Processes run as user ${user.uid} already; they would be ended with the test.`);
    }
    users.push(user);
    run('chpasswd', [], `${name}:${password}\n`);
    for (const path of [home, join(home, '.ssh')]) {
      mkdirSync(path, { mode: 0o700 });
      chownSync(path, user.uid, user.gid);
    }
    if (sudo !== 'none') allowSudo(name, sudo);
    return user;
  };

  const startAgent: SshMachine['startAgent'] = async (user, ...names) => {
    const socket = join(user.home, 'agent.sock');
    const options = { uid: user.uid, gid: user.gid };
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { ...options, stdio: 'ignore' });
    children.push(agent);
    await waitUntil(() => existsSync(socket));
    const env = { PATH: process.env.PATH, HOME: user.home, SSH_AUTH_SOCK: socket };
    for (const name of names) {
      const path = join(user.home, '.ssh', name);
      execFileSync('ssh-add', ['-q', path], { ...options, env, stdio: 'pipe' });
      const passphrase = randomBytes(12).toString('hex');
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-f', path], {
        ...options,
        stdio: 'pipe',
      });
    }
    return socket;
  };

  const makeKey: SshMachine['makeKey'] = (user, name) => {
    const path = join(user.home, '.ssh', name);
    run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path]);
    for (const file of [path, `${path}.pub`]) chownSync(file, user.uid, user.gid);
    return readFileSync(`${path}.pub`, 'utf8').trim();
  };

  let log = () => '';
  try {
    const sshd = await startSshd(folder.path, children);
    log = sshd.log;
    await work({
      path: folder.path,
      port: sshd.port,
      hostKey: sshd.hostKey,
      write,
      addUser,
      makeKey,
      authorize: (user, ...keys) =>
        write(user, join(user.home, '.ssh', 'authorized_keys'), `${keys.join('\n')}\n`),
      startAgent,
      async closeConnections({ uid }) {
        await waitUntil(() => killAll(processesOf(uid).filter((pid) => nameOf(pid) === 'ssh')) === 0);
      },
      // the checkout and Ansible may lie where only root can read, and access(2) must agree that they can be read
      launcherFor: ({ name }) => [
        'setpriv',
        '--securebits=+no_setuid_fixup',
        ...[`--reuid=${name}`, `--regid=${name}`, '--init-groups'],
        ...['--inh-caps=+dac_override', '--ambient-caps=+dac_override'],
      ],
    });
  } catch (error) {
    console.error(log().slice(-4_000));
    throw error;
  } finally {
    // rights first: they must not outlive a cleaning up that fails
    for (const { name } of users) {
      for (const file of [name, `${name}.new`]) rmSync(join(SUDOERS, file), { force: true });
    }
    for (const child of children) await end(child);
    for (const user of users) {
      // the connections that ssh keeps open, and what they lead to
      await waitUntil(() => killAll(processesOf(user.uid)) === 0);
      run('userdel', [user.name]);
      for (const kept of ['/run/sudo/ts', '/var/lib/sudo/lectured']) {
        for (const name of [user.name, String(user.uid)]) rmSync(join(kept, name), { force: true });
      }
    }
    if (isOwnRunFolder) rmSync('/run/sshd', { recursive: true });
    await folder.remove();
  }
}

function run(program: string, args: readonly string[], input?: string): string {
  return execFileSync(program, args, { encoding: 'utf8', ...(input === undefined ? {} : { input }) }).trim();
}

async function startSshd(path: string, children: ChildProcess[]) {
  const hostKeyPath = join(path, 'host_key');
  run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', hostKeyPath]);
  const port = await freePort();
  const config = join(path, 'sshd_config');
  // beside the addresses and the key, what Debian has
  writeFileSync(
    config,
    [
      `Port ${port}`,
      ...LISTENING.map((address) => `ListenAddress ${address}`),
      `HostKey ${hostKeyPath}`,
      'PidFile none',
      'KbdInteractiveAuthentication no',
      'UsePAM yes',
      'PrintMotd no',
      'Subsystem sftp internal-sftp',
      `Match LocalAddress ${ADDRESSES.keysOnly}`,
      'PasswordAuthentication no',
      '',
    ].join('\n'),
  );
  const sshd = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(sshd);
  let output = '';
  sshd.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await waitUntil(() => {
    if (sshd.exitCode !== null) throw new Error(`sshd ended with ${sshd.exitCode}:\n${output}`);
    return LISTENING.every((address) => output.includes(`Server listening on ${address} port ${port}.`));
  });
  const hostKey = readFileSync(`${hostKeyPath}.pub`, 'utf8').trim();
  return { port, hostKey, log: () => output };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, ADDRESSES.known);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('There is no free port.');
  return address.port;
}

function allowSudo(name: string, rights: Exclude<SudoRights, 'none'>): void {
  const file = join(SUDOERS, name);
  // sudo skips names with a dot: it must never see half a file, nor one with a fault
  const draft = `${file}.new`;
  const tag = rights === 'without-password' ? 'NOPASSWD: ' : '';
  // a password that was given for one run must not serve the next
  writeFileSync(draft, `Defaults:${name} timestamp_timeout=0\n${name} ALL=(ALL:ALL) ${tag}ALL\n`, {
    mode: 0o440,
  });
  run('visudo', ['-cqf', draft]);
  renameSync(draft, file);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

function processesOf(uid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && uidOf(name) === uid)
    .map(Number);
}

function nameOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return null;
  }
}

/** @returns how many there were */
function killAll(pids: readonly number[]): number {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended meanwhile
    }
  }
  return pids.length;
}

/** Null for a process that has ended, reaped or not. */
function uidOf(pid: string): number | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const uid = /^Uid:\s+(\d+)/m.exec(status)?.[1];
    return uid === undefined || /^State:\s+Z/m.test(status) ? null : Number(uid);
  } catch {
    return null;
  }
}
