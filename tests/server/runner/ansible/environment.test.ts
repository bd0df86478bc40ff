import { describe, expect, it } from 'vitest';
import { baseEnvironment } from '../../../../server/runner/ansible/environment.ts';

const LOCALE = { LANG: 'C.UTF-8' };
const variablesOf = (own: Record<string, string>, passEnv: string[] = []) =>
  baseEnvironment({ PATH: process.env.PATH, ...LOCALE, ...own }, passEnv, () => undefined).variables;

describe('the environment of playbooks', () => {
  it('holds what Ansible, its Python and ssh read themselves', () => {
    const own = {
      HOME: '/home/u',
      USER: 'u',
      LOGNAME: 'u',
      TMPDIR: '/var/tmp',
      ANSIBLE_ROLES_PATH: '/roles',
      ANSIBLE_STDOUT_CALLBACK: 'minimal',
      SSH_AUTH_SOCK: '/run/agent',
      SSH_ASKPASS: '/bin/ask',
      KUBECONFIG: '/k',
      KRB5CCNAME: '/c',
      HTTPS_PROXY: 'http://p',
      no_proxy: 'x',
      LC_TIME: 'C.UTF-8',
      TZ: 'UTC',
      XDG_RUNTIME_DIR: '/run/user/1',
      REQUESTS_CA_BUNDLE: '/ca',
    };
    expect(variablesOf(own)).toMatchObject({ ...own, ...LOCALE });
  });

  it('holds nothing else, and never what is ours, whatever the configuration says', () => {
    const own = {
      SIBLE_ADMIN_TOKEN: 'key',
      SIBLE_RUN_ID: 'of an outer Sible',
      MONGODB_URI: 'mongodb://u:p@h',
      MONGODB_URI_FILE: '/f',
      NODE_OPTIONS: '--inspect',
      AWS_SECRET_ACCESS_KEY: 's',
    };
    for (const passEnv of [[], ['*I*', 'M*', 'SIBLE_*']]) {
      const found = variablesOf(own, passEnv);
      for (const name of ['SIBLE_ADMIN_TOKEN', 'SIBLE_RUN_ID', 'MONGODB_URI', 'MONGODB_URI_FILE'])
        expect(found[name], name).toBeUndefined();
    }
    expect(Object.keys(variablesOf(own)).sort()).toEqual(
      ['ANSIBLE_FORCE_COLOR', 'HOME', 'LANG', 'PATH', 'PYTHONUNBUFFERED'].sort(),
    );
  });

  it('holds what the configuration names, by name or by pattern', () => {
    const own = { AWS_PROFILE: 'a', MY_TOKEN: 't', MY_TOKENS: 'ts', TF_VAR_x_y: '1', OTHER: 'o' };
    const { AWS_PROFILE, MY_TOKEN, MY_TOKENS, TF_VAR_x_y, OTHER } = variablesOf(own, [
      'AWS_*',
      '*_TOKEN',
      'TF_*_*y',
    ]);
    expect({ AWS_PROFILE, MY_TOKEN, MY_TOKENS, TF_VAR_x_y, OTHER }).toEqual({
      AWS_PROFILE: 'a',
      MY_TOKEN: 't',
      TF_VAR_x_y: '1',
      MY_TOKENS: undefined,
      OTHER: undefined,
    });
  });

  it('does not have Ansible ask for what nobody answers, unless the configuration wants it', () => {
    const own = { ANSIBLE_ASK_PASS: 'true', ANSIBLE_ASK_VAULT_PASS: '1', ANSIBLE_BECOME_ASK_PASS: '1' };
    for (const name of Object.keys(own)) {
      expect(variablesOf(own)[name]).toBeUndefined();
      expect(variablesOf(own, [name])[name]).toBeDefined();
    }
  });

  it('forces colours for ansible-playbook alone, and gives tasks back what the user had', () => {
    const own = { PATH: process.env.PATH, ...LOCALE, ANSIBLE_FORCE_COLOR: '0' };
    expect(baseEnvironment(own, [], () => undefined)).toMatchObject({
      variables: { ANSIBLE_FORCE_COLOR: '1' },
      forTasks: { ANSIBLE_FORCE_COLOR: '0', PYTHONUNBUFFERED: null },
    });
  });

  it.each([
    [{ LANG: '', LC_ALL: 'C' }, false],
    [{ LANG: 'C' }, false],
    [{ LANG: '' }, false],
    [{ LANG: 'xx_XX.UTF-8' }, true],
    [{ LANG: 'C.UTF-8', LC_CTYPE: 'de_DE.ISO-8859-1' }, true],
    [{ LANG: 'C.UTF-8', LC_TIME: 'xx_XX.UTF-8' }, true],
  ])('replaces the locale %j, which Ansible would refuse', (locale: Record<string, string>, isTold) => {
    const warnings: string[] = [];
    const own = { PATH: process.env.PATH, ...locale };
    const { variables } = baseEnvironment(own, [], (message) => warnings.push(message));
    expect(variables).toMatchObject({ LC_CTYPE: 'C.UTF-8' });
    expect([variables.LANG, variables.LC_ALL, variables.LC_TIME]).toEqual([undefined, undefined, undefined]);
    expect(warnings.length).toBe(isTold ? 1 : 0);
  });

  it('has the home of the user that the system knows where the server was told of none', () => {
    expect(variablesOf({}).HOME).toMatch(/^\//);
    expect(variablesOf({ HOME: '' }).HOME).toMatch(/^\//);
  });
});
