import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../../../server/runner/ansible/exit-reason.ts';
import type { RunCounts, RunFacts } from '../../../../server/runner/ansible/run-facts.ts';
import { COUNTS, failed } from '../../../support/run-counts.ts';

const NOTHING: RunFacts = { isTold: true, hasBegun: false, prompt: null, end: null, logTail: '' };
const ended = (counts: Partial<RunCounts>, logTail = ''): RunFacts => ({
  isTold: true,
  hasBegun: true,
  prompt: null,
  end: { ...COUNTS, ...counts },
  logTail,
});
const untold = (logTail: string): RunFacts => ({ ...NOTHING, isTold: false, logTail });
const NO_HOST = 'Nothing ran: no host matched.';
const unreachable = (message: string, ...hosts: string[]) =>
  ({ status: 'unreachable', message, count: hosts.length, hosts: hosts.slice(0, 3) }) as const;

describe('a prompt that nobody answers', () => {
  it.each<[string, number, Partial<RunFacts>, string | null]>([
    ['before anything ran', 1, {}, 'Nothing ran: the playbook asks for "colour" (vars_prompt), and nobody'],
    ['later', 1, { hasBegun: true }, 'It stopped: the playbook asks for "colour" (vars_prompt), and nobody'],
    [
      'with a name that hides something',
      1,
      { prompt: 'a\u202e\nb' },
      'asks for "a\ufffd\ufffdb" (vars_prompt)',
    ],
    ['forged by a run that failed otherwise', 2, { hasBegun: true }, 'One or more hosts failed.'],
    ['forged by a run that succeeded', 0, { hasBegun: true }, null],
  ])('%s', (_, code, more, reason) => {
    const said = reasonOf(code, { ...NOTHING, prompt: 'colour', ...more });
    if (reason === null) expect(said).toBeNull();
    else expect(said).toContain(reason);
  });
});

describe('success', () => {
  it.each<[string, RunFacts, string | null]>([
    ['some play matched', ended({ plays: 3, unmatched: 2 }), null],
    ['a play without tasks', ended({ tasks: 0 }), null],
    ['no play matched', ended({ plays: 2, unmatched: 2, tasks: 0 }), 'Nothing ran: no host matched.'],
    [
      'an empty inventory',
      ended(
        { plays: 1, unmatched: 1 },
        '[WARNING]: provided hosts list is empty, only localhost is available.',
      ),
      'Nothing ran: no host matched, because the inventory has no hosts.',
    ],
    [
      'an inventory that cannot be read',
      ended(
        { plays: 1, unmatched: 1 },
        '[WARNING]: Unable to parse /a/hosts.ini as an\n inventory source\n[WARNING]: provided hosts list is empty',
      ),
      'Nothing ran: no host matched. An inventory could not be read.',
    ],
    ['no play', ended({ plays: 0, tasks: 0 }), 'Nothing ran: the playbook has no plays.'],
    [
      'tags that no task has',
      ended({ tasks: 0, tagged: true }),
      'Nothing ran: no task has the tags that were asked for.',
    ],
    ['tags that some task has', ended({ tasks: 1, tagged: true }), null],
    ['nothing is told', { ...NOTHING, isTold: false, logTail: 'skipping: no hosts matched' }, null],
    [
      'no plugin, and no host',
      untold('PLAY [a] ***\nskipping: no hosts matched\n\nPLAY RECAP ***\n\n'),
      NO_HOST,
    ],
    [
      'no plugin, and an empty inventory',
      untold(
        '[WARNING]: provided hosts list is empty\n\nPLAY [a] *\nskipping: no hosts matched\n\nPLAY [b] *\nskipping: no hosts matched\n\nPLAY RECAP *\n',
      ),
      'Nothing ran: no host matched, because the inventory has no hosts.',
    ],
    [
      'no plugin, and some play matched',
      untold(
        'PLAY [a] *\nskipping: no hosts matched\n\nPLAY [b] *\n\nTASK [c] *\nok: [h]\n\nPLAY RECAP *\nh : ok=1 changed=0\n',
      ),
      null,
    ],
    [
      'no plugin, and a play that matched had no tasks',
      untold('PLAY [a] *\nskipping: no hosts matched\n\nPLAY [b] *\n\nPLAY RECAP *\n'),
      null,
    ],
    ['no plugin, and it did not come to its end', untold('PLAY [a] *\nskipping: no hosts matched\n'), null],
  ])('%s', (_name, facts, reason) => expect(reasonOf(0, facts)).toBe(reason));
});

describe('hosts', () => {
  it.each<[string, RunFacts, string]>([
    [
      'one, and why',
      ended({ unreachable: 1, causes: [unreachable('ssh: Host key verification failed.', 'web1')] }),
      'Host web1 could not be reached: the SSH host key is unknown; add it to known_hosts.',
    ],
    [
      'one, unknown why',
      ended({ unreachable: 1, causes: [unreachable('the hamster is tired: hunter2', 'web1')] }),
      'Host web1 could not be reached.',
    ],
    [
      'many for one cause',
      ended({
        unreachable: 5,
        causes: [
          unreachable('ssh: connect to host 10.0.0.1 port 22: Connection refused', 'a'),
          unreachable('ssh: connect to host 10.0.0.2 port 22: Connection refused', 'b', 'c', 'd', 'e'),
        ],
      }),
      '5 hosts could not be reached (a, b, c and 2 more): the connection was refused.',
    ],
    [
      'many for several, and others that failed',
      ended({
        unreachable: 3,
        failed: 1,
        causes: [
          unreachable('Connection refused', 'a'),
          unreachable('Could not resolve hostname b.invalid', 'b', 'c'),
          failed('Task failed: Missing sudo password', 'd'),
        ],
      }),
      '3 hosts could not be reached: b, c (the name could not be resolved); a (the connection was refused). Host d failed: sudo asks for a password, and none was given.',
    ],
    [
      'no plugin, but a recap',
      { ...NOTHING, isTold: false, logTail: 'PLAY RECAP ****\na : ok=0 unreachable=1' },
      'One or more hosts could not be reached.',
    ],
  ])('unreachable: %s', (_name, facts, reason) => expect(reasonOf(4, facts)).toBe(reason));

  it('failed, without what the message says beside its cause', () => {
    const causes = [failed('Incorrect sudo password; it was hunter2', 'a'), failed('hunter2', 'b')];
    expect(reasonOf(2, ended({ failed: 2, causes }))).toBe(
      '2 hosts failed: a (the sudo password is wrong); b.',
    );
    expect(reasonOf(2, NOTHING)).toBe('One or more hosts failed.');
    // as 2.14 ends when an included role is missing
    const logTail = "PLAY [all] ***\nERROR! the role 'web' was not found in /p/roles";
    expect(reasonOf(2, { ...NOTHING, hasBegun: true, logTail })).toBe(
      'One or more hosts failed: role web was not found; it is misspelt or not installed.',
    );
    const printed = ended({ unreachable: 1, causes: [unreachable('', 'a')] }, 'ERROR! Connection refused');
    expect(reasonOf(4, printed)).toBe('Host a could not be reached.');
  });

  /** As ansible-core 2.14 to 2.21 word them with OpenSSH 9.2 and sudo 1.9. */
  it.each<[string, string]>([
    [
      'deploy@web1: Permission denied (publickey,password).',
      'no SSH key or password was accepted; a key with a passphrase needs an ssh-agent',
    ],
    [
      'deploy@web1: Permission denied (publickey,keyboard-interactive).',
      'no SSH key or password was accepted; a key with a passphrase needs an ssh-agent',
    ],
    [
      'deploy@web1: Permission denied (publickey).',
      'no SSH key was accepted; one with a passphrase needs an ssh-agent',
    ],
    [
      'no such identity: /home/me/.ssh/key: No such file or directory\r\ndeploy@web1: Permission denied (publickey,password).',
      'no SSH key was accepted; a key file that is named is not there',
    ],
    [
      'Invalid/incorrect username/password. Skipping remaining 0 retries to prevent account lockout: Permission denied, please try again.',
      'the SSH password is wrong',
    ],
    [
      "Using a SSH password instead of a key is not possible because Host Key checking is enabled and sshpass does not support this. Please add this host's fingerprint to your known_hosts file to manage this host.",
      'the SSH host key is unknown or has changed; compare it with known_hosts',
    ],
    // of which 2.21 leaves no more when sshpass was used
    ['Task failed: Authentication failure.', 'the SSH password is wrong'],
    ['kex_exchange_identification: Connection closed by remote host', 'the host closed the connection'],
    ['Connection closed by 10.0.0.1 port 22', 'the host closed the connection'],
    ['Connection reset by 10.0.0.1 port 22', 'the host closed the connection'],
  ])('unreachable: %s', (message, cause) => {
    const facts = ended({ unreachable: 1, causes: [unreachable(message, 'web1')] });
    expect(reasonOf(4, facts)).toBe(`Host web1 could not be reached: ${cause}.`);
  });

  it.each<[string, string | null]>([
    ['Task failed: Missing su password', 'su asks for a password, and none was given'],
    ['Incorrect su password', 'the su password is wrong'],
    ['sudo: a terminal is required to read the password', 'sudo asks for a password, and none was given'],
    ['MODULE FAILURE\nsu: Authentication failure', null],
    ['MODULE FAILURE\ndeploy is not in the sudoers file.', 'the user may not use sudo'],
    ['MODULE FAILURE\nSorry, user deploy may not run sudo on web1.', 'the user may not use sudo'],
    ['MODULE FAILURE\n/bin/sh: 1: sudo: not found', 'sudo is not installed on the host'],
    ['MODULE FAILURE\nbash: line 1: sudo: command not found', 'sudo is not installed on the host'],
    ['MODULE FAILURE\nsudo: unknown user nobody1', 'the user to become does not exist'],
    [
      'Failed to set permissions on the temporary files Ansible needs to create when becoming an unprivileged user (rc: 1, err: chmod: invalid mode)',
      "Ansible's files could not be handed to the user to become; it does not exist, or the host has no setfacl",
    ],
    // a server that the task itself talks to
    ['Request failed: <urlopen error [Errno 104] Connection reset by peer>', null],
  ])('failed: %s', (message, cause) => {
    const facts = ended({ failed: 1, causes: [failed(message, 'web1')] });
    expect(reasonOf(2, facts)).toBe(cause === null ? 'Host web1 failed.' : `Host web1 failed: ${cause}.`);
  });

  it('a name is shown without control, bidi and zero-width characters, and not at any length', () => {
    const hosts = ['a\u202eb\u001b[31m\u200b\ud800', 'x'.repeat(1_000)];
    const reason = reasonOf(2, ended({ failed: 2, causes: [failed('', ...hosts)] })) ?? '';
    expect(reason).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
    expect(reason.length).toBeLessThan(200);
  });
});

/** As ansible-core 2.14 and 2.19 print them before the first play. */
const BEFORE: readonly (readonly [number, string, string])[] = [
  [
    4,
    "ERROR! couldn't resolve module/action 'no_such_mod'. This often indicates a misspelling, missing collection, or incorrect module path.",
    'Nothing ran: the playbook or its variables could not be parsed: module no_such_mod was not found; it is misspelt or its collection is not installed.',
  ],
  [
    1,
    "[ERROR]: the role 'web' was not found in /p/roles:/root/.ansible/roles",
    'Nothing ran: role web was not found; it is misspelt or not installed.',
  ],
  [
    4,
    '[ERROR]: YAML parsing failed: While parsing a flow node did not find expected node content.',
    'Nothing ran: the playbook or its variables could not be parsed: a file is not valid YAML.',
  ],
  [
    4,
    "ERROR! 'bogus' is not a valid attribute for a Play",
    'Nothing ran: the playbook or its variables could not be parsed: "bogus" is no keyword there.',
  ],
  [
    1,
    'ERROR! Attempting to decrypt but no vault secrets found',
    'Nothing ran: the vault password is missing.',
  ],
  [
    4,
    '[ERROR]: Decryption failed (no vault secrets were found that could decrypt).',
    'Nothing ran: the playbook or its variables could not be parsed: the vault password is wrong.',
  ],
  [
    1,
    '[ERROR]: The vault password file\n/home/me/.vault was not found',
    'Nothing ran: the vault password file was not found.',
  ],
  [1, '[ERROR]: The password file /home/me/.pw was not found', 'Nothing ran: a password file was not found.'],
  [1, "[ERROR]: Could not read password file '/p/.pw'.", 'Nothing ran: a password file could not be read.'],
  [
    1,
    'ERROR! Could not read vault password file /p/.pw: [Errno 13] Permission denied',
    'Nothing ran: a password file could not be read.',
  ],
  [1, 'ERROR! Empty password was provided from file (/p/.pw)', 'Nothing ran: a password file is empty.'],
  [
    1,
    'ERROR! The password script /p/pw.sh returned an error (rc=1): hunter2',
    'Nothing ran: a password script failed.',
  ],
  [
    1,
    'ERROR! Vault password script /p/pw.sh returned non-zero (1): hunter2',
    'Nothing ran: a password script failed.',
  ],
  [
    1,
    'ERROR! Problem running vault password script /p/pw.sh ([Errno 8] Exec format error).',
    'Nothing ran: a password script failed.',
  ],
  [
    1,
    'ERROR! Specified inventory, host pattern and/or --limit leaves us with no hosts to target.',
    'Nothing ran: no host of the inventory matches the limit.',
  ],
  [
    1,
    "ERROR! Could not load 'yaml' callback plugin.",
    'Nothing ran: the callback plugin yaml is not installed.',
  ],
  [1, 'ERROR! the playbook: a.yaml could not be found', 'Nothing ran: the playbook was not found.'],
  [1, 'ERROR! a hamster', 'Ansible reported an error.'],
  [250, 'ERROR! Unexpected Exception, this is probably a bug: hunter2', 'Ansible met an unexpected error.'],
  [
    2,
    'usage: ansible-playbook [-h]\nansible-playbook: error: unrecognized arguments: --x',
    'Nothing ran: Ansible did not accept its options.',
  ],
  [99, '[ERROR]: User interrupted execution', 'It was interrupted.'],
];

describe('before the first play', () => {
  it.each(BEFORE)('exit code %d, %s', (code, logTail, reason) =>
    expect(reasonOf(code, { ...NOTHING, isTold: false, logTail })).toBe(reason),
  );

  it('and after it, the other meaning of exit code 4', () => {
    expect(reasonOf(4, { ...NOTHING, hasBegun: true, logTail: 'ERROR! a hamster' })).toBe(
      'It stopped: a part of the playbook could not be parsed.',
    );
    expect(reasonOf(4, { ...NOTHING, isTold: false })).toBe(
      'One or more hosts could not be reached, or the playbook could not be parsed.',
    );
  });

  it('exit code 4 without any host is a fault of the playbook where the plugin was there to tell of hosts', () => {
    expect(reasonOf(4, { ...NOTHING, isTold: true, logTail: '' })).toBe(
      'Nothing ran: the playbook or its variables could not be parsed.',
    );
  });

  it('exit code 6, hosts that failed and others that could not be reached, says both', () => {
    const causes = [unreachable('Connection refused', 'a'), failed('', 'b')];
    expect(reasonOf(6, ended({ unreachable: 1, failed: 1, causes }))).toBe(
      'Host a could not be reached: the connection was refused. Host b failed.',
    );
  });

  it('other codes say nothing', () => expect(reasonOf(42, NOTHING)).toBeNull());
});

it('no text makes the search for a cause slow', () => {
  const pieces = [
    'Host key for ',
    "role '",
    'Permission denied (a,',
    'Unable to parse ',
    'Missing ',
    'vault password file ',
    'the playbook: ',
    "'a.",
    'Connection to x',
    'Could not load ',
    'no such identity: ',
    'password script ',
    'The password file ',
    'Connection reset by x',
    ' \t',
  ];
  const before = process.cpuUsage();
  for (const piece of pieces) {
    const logTail = `ERROR! ${piece.repeat(Math.ceil(32_768 / piece.length))}`;
    const causes = Array.from({ length: 20 }, () => failed(logTail.slice(0, 2_000), 'a'));
    reasonOf(0, ended({ plays: 1, unmatched: 1 }, logTail));
    reasonOf(4, ended({ unreachable: 1, failed: 20, causes }, logTail));
    reasonOf(1, { ...NOTHING, logTail });
  }
  expect(process.cpuUsage(before).user / 1_000 / pieces.length).toBeLessThan(50);
});
