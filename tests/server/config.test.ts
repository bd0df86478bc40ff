import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig, warningsOf } from '../../server/config.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const TOKEN = '0123456789abcdef';

function faultsOf(env: Record<string, string>): readonly string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('needs nothing, and takes an empty variable for one that is not set', () => {
    const expected = {
      host: '127.0.0.1',
      port: 4_000,
      mongodbUri: null,
      adminToken: null,
      runTimeoutMs: 86_400_000,
      outputLimit: 1_073_741_824,
      retention: { days: 90, runs: null, bytes: 21_474_836_480 },
    };
    expect(readConfig({})).toMatchObject(expected);
    expect(readConfig({ SIBLE_PORT: '', MONGODB_URI: '', SIBLE_ADMIN_TOKEN: '' })).toMatchObject(expected);
  });

  it('takes what is at the limit', () => {
    const env = {
      SIBLE_PORT: '65535',
      SIBLE_CONCURRENCY: '0',
      SIBLE_RUN_TIMEOUT_SECONDS: '0',
      SIBLE_KEEP_DAYS: '0',
      SIBLE_KEEP_RUNS: '1',
      SIBLE_KEEP_GIB: '0',
      SIBLE_ADMIN_TOKEN: TOKEN,
      SIBLE_HOST: '0.0.0.0',
      SIBLE_ALLOWED_HOSTS: ' Sible.Example , ,other',
      SIBLE_TIMEZONE: 'europe/berlin',
    };
    expect(readConfig(env)).toMatchObject({
      port: 65_535,
      concurrency: 0,
      runTimeoutMs: null,
      retention: { days: null, runs: 1, bytes: null },
      adminToken: TOKEN,
      allowedHosts: ['0.0.0.0', 'sible.example', 'other'],
    });
  });

  it('takes names and patterns of variables that playbooks may see, and says what is wrong with others', () => {
    expect(readConfig({ SIBLE_PASS_ENV: ' AWS_*, *_TOKEN\nFOO,' })).toMatchObject({
      passEnv: ['AWS_*', '*_TOKEN', 'FOO'],
    });
    expect(readConfig({})).toMatchObject({ passEnv: [] });
    for (const wrong of ['A=b', '*', '**', '1X', 'A-B', 'Ä', 'a.b', 'x'.repeat(201)]) {
      expect(faultsOf({ SIBLE_PASS_ENV: `FOO,${wrong}` }), wrong).toEqual([
        expect.stringMatching(/^SIBLE_PASS_ENV .*is no name of a variable and no pattern/),
      ]);
    }
    for (const ours of ['SIBLE_ADMIN_TOKEN', 'SIBLE_*', 'MONGODB_URI', 'mongodb_uri_file']) {
      expect(faultsOf({ SIBLE_PASS_ENV: ours }), ours).toEqual([expect.stringContaining('never passed on')]);
    }
  });

  it.each([
    ['SIBLE_PORT', '65536'],
    ['SIBLE_PORT', '-1'],
    ['SIBLE_PORT', '4e3'],
    ['SIBLE_PORT', '0x10'],
    ['SIBLE_CONCURRENCY', '1.5'],
    ['SIBLE_RUN_TIMEOUT_SECONDS', 'Infinity'],
    ['SIBLE_TIMEZONE', 'Mars/Olympus'],
    ['SIBLE_LOG_LEVEL', 'loud'],
    ['SIBLE_OPEN', 'yes'],
    ['SIBLE_HOST', 'http://localhost'],
  ])('refuses %s=%s, with the value and what was expected', (name, value) => {
    expect(faultsOf({ [name]: value, SIBLE_ADMIN_TOKEN: TOKEN })).toEqual([
      expect.stringMatching(new RegExp(`^${name} is "${value.replace('.', '\\.')}": expected `)),
    ]);
  });

  it('says all faults at once', () => {
    expect(faultsOf({ SIBLE_PORT: 'x', SIBLE_LOG_LEVEL: 'y', SIBLE_TIMEZONE: 'z' })).toHaveLength(3);
  });

  it.each(['0.0.0.0', '::', '192.168.0.7', 'sible.example', '127.0.0.1.example', '::ffff:127.0.0.1'])(
    'does without a key on loopback only, not on %s',
    (host) => {
      expect(faultsOf({ SIBLE_HOST: host })).toEqual([]);
      expect(faultsOf({ SIBLE_HOST: host, SIBLE_OPEN: '1' })).toEqual([
        expect.stringMatching(/^SIBLE_OPEN is "1" and SIBLE_HOST is ".*127\.0\.0\.1, ::1 or localhost only/),
      ]);
    },
  );

  it.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('does without a key on %s', (host) => {
    expect(readConfig({ SIBLE_HOST: host, SIBLE_OPEN: '1' })).toMatchObject({
      isOpen: true,
      adminToken: null,
    });
    expect(readConfig({ SIBLE_HOST: host }).isOpen).toBe(false);
    expect(readConfig({ SIBLE_HOST: host, SIBLE_OPEN: '0' }).isOpen).toBe(false);
  });

  it('warns of what was probably not meant', () => {
    const warnings = (env: Record<string, string>) => warningsOf(readConfig(env), env).join('\n');
    expect(warnings({ SIBLE_CONCURENCY: '2', SIBLE_PORT: '1' })).toContain('no setting SIBLE_CONCURENCY;');
    const known = { SIBLE_PORT: '1', SIBLE_PASS_ENV: 'A', SIBLE_CONCURRENCY: '2' };
    expect(warnings(known)).not.toMatch(/no setting|SIBLE_CONCURRENCY/);
    expect(warnings({ SIBLE_CONCURRENCY: '0' })).toContain('nothing starts them');
    expect(warnings({ SIBLE_CONCURRENCY: '0', MONGODB_URI: 'mongodb://h/d' })).not.toContain(
      'nothing starts',
    );
  });

  it('does not take a key and no key at once', () => {
    expect(faultsOf({ SIBLE_OPEN: '1', SIBLE_ADMIN_TOKEN: TOKEN })).toEqual([
      expect.stringContaining('set one of them'),
    ]);
  });

  it.each([
    ['SIBLE_ADMIN_TOKEN', 'short-secret'],
    ['SIBLE_ADMIN_TOKEN', `secret with blanks ${TOKEN}`],
    ['MONGODB_URI', 'http://user:secret@host'],
  ])('does not repeat the value of %s when it refuses it', (name, value) => {
    const faults = faultsOf({ [name]: value });
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.join()).not.toContain('secret');
  });

  it('reads a secret from a file, and refuses one that is given twice, or cannot be read', async () => {
    const { path, remove } = await makeTempDir();
    try {
      const file = join(path, 'token');
      writeFileSync(file, `${TOKEN}\n`);
      expect(readConfig({ SIBLE_ADMIN_TOKEN_FILE: file }).adminToken).toBe(TOKEN);
      expect(faultsOf({ SIBLE_ADMIN_TOKEN_FILE: file, SIBLE_ADMIN_TOKEN: TOKEN })).toEqual([
        'SIBLE_ADMIN_TOKEN and SIBLE_ADMIN_TOKEN_FILE are both set; give one of them.',
      ]);
      expect(faultsOf({ SIBLE_ADMIN_TOKEN_FILE: join(path, 'none') })).toEqual([
        expect.stringMatching(/none" cannot be read/),
      ]);
      writeFileSync(file, '\n');
      expect(faultsOf({ SIBLE_ADMIN_TOKEN_FILE: file }).length).toBeGreaterThan(0);
    } finally {
      await remove();
    }
  });
});
