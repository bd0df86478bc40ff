import { describe, expect, it } from 'vitest';
import { causeOf, withoutNumbers, withoutWord } from '../../../../server/domain/results/failure-cause.ts';
import type { FailureTexts } from '../../../../server/domain/results/result-event.ts';

const NOTHING: FailureTexts = { message: null, rc: null, stderr: null, stdout: null, isHidden: false };
const said = (message: string) => causeOf({ ...NOTHING, message });

describe('the cause of a failure', () => {
  it.each([
    // ansible-core 2.14, 2.19 and 2.21 say these
    ['permission denied on /etc/ssl', 'permission denied on /etc/ssl'],
    [
      "Task failed: Finalization of task args for 'ansible.builtin.debug' failed: Error while resolving value for 'msg': 'nope' is undefined",
      "'nope' is undefined",
    ],
    [
      "The task includes an option with an undefined variable. The error was: 'nope' is undefined. 'nope' is undefined\n\nThe error appears to be in '/p/play.yaml': line 3, column 7, but may\nbe elsewhere",
      "'nope' is undefined",
    ],
    [
      'Failed to connect to the host via ssh: ssh: connect to host 127.0.0.1 port 1: Connection refused',
      'ssh: connect to host 127.0.0.1 port 1: Connection refused',
    ],
    [
      "Task failed: Failed to connect to the host via ssh: Warning: Permanently added '10.0.0.1' (ED25519) to the list of known hosts.\r\nroot@10.0.0.1: Permission denied (publickey).",
      'root@10.0.0.1: Permission denied (publickey).',
    ],
    ['Task failed: Module failed: no such user\nOrigin: /p/play.yaml:3:7', 'no such user'],
    ['  \n', ''],
  ])('is not what Ansible wraps around it: %s', (message, cause) => {
    expect(said(message)).toBe(cause);
  });

  it.each(['non-zero return code', 'The command exited with a non-zero return code.'])(
    'of a command is what it printed last: %s',
    (message) => {
      const failed = { ...NOTHING, message, rc: 2 };
      expect(causeOf({ ...failed, stderr: "ls: cannot access '/x': No such file or directory\n" })).toBe(
        "exit code 2: ls: cannot access '/x': No such file or directory",
      );
      expect(causeOf({ ...failed, stdout: 'a\nb' })).toBe('exit code 2: a\nb');
      expect(causeOf({ ...failed, stderr: 'Connection to 10.0.0.1 closed.\r\n', stdout: 'it broke' })).toBe(
        'exit code 2: it broke',
      );
      expect(causeOf(failed)).toBe('exit code 2');
    },
  );

  it('of a module that broke is its exception', () => {
    const stderr = 'Traceback (most recent call last):\n  File "x.py", line 1\nValueError: no port\n';
    expect(
      causeOf({
        ...NOTHING,
        message: 'MODULE FAILURE\nSee stdout/stderr for the exact error',
        rc: 1,
        stderr,
      }),
    ).toBe('ValueError: no port');
  });

  it('is hidden where no_log hides it', () => {
    expect(causeOf({ ...NOTHING, message: 'secret', isHidden: true })).toBe('The output is hidden (no_log).');
  });

  it('stays short, and is found in time, whatever it is cut from', () => {
    const started = process.cpuUsage();
    for (const text of [
      'x'.repeat(2_000),
      'Task failed: '.repeat(150),
      "Error while resolving value for 'a".repeat(60),
      '\n'.repeat(2_000),
    ]) {
      const cause = causeOf({ ...NOTHING, message: text, stderr: text, stdout: text });
      expect(cause.length).toBeLessThanOrEqual(1_001);
      expect(cause.split('\n').length).toBeLessThanOrEqual(6);
    }
    expect(process.cpuUsage(started).user / 1_000).toBeLessThan(100);
  });
});

it('the same failure on several hosts is told apart from others, although it names them', () => {
  const same = (host: string, address: string) =>
    withoutNumbers(withoutWord(`ssh: connect to host ${address} port 22: refused by ${host}`, host));
  expect(same('web1', '10.0.0.1')).toBe(same('web2', '10.0.0.12'));
  expect(withoutNumbers('disk sda is full')).not.toBe(withoutNumbers('disk sdb is full'));
  // a name within a longer word is none
  expect(withoutWord('cannot access aa: a', 'a')).toBe('cannot access aa: \u0000');
  expect(withoutWord('größe', 'gr')).toBe('größe');
  expect(withoutWord('no host', '')).toBe('no host');
});
