import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { composeOptions } from '../scripts/test-image/compose-options.mjs';

interface Service {
  readonly [setting: string]: unknown;
  readonly environment?: Readonly<Record<string, unknown>>;
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
}

interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

const text = readFileSync('docker-compose.yml', 'utf8');
const file: ComposeFile = parse(text);
const sible = file.services.sible ?? {};
const dockerfile = readFileSync('Dockerfile', 'utf8');

describe('docker-compose.yml', () => {
  it('has Sible, which starts once MongoDB is healthy', () => {
    expect(Object.keys(file.services).sort()).toEqual(['mongo', 'sible']);
    expect(sible.depends_on).toEqual({ mongo: { condition: 'service_healthy' } });
    expect(file.services.mongo).toHaveProperty('healthcheck.test');
  });

  it('gives Sible no rights and nothing to write to but its volumes and /tmp', () => {
    expect(sible).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(sible).not.toHaveProperty('privileged');
    expect(sible).not.toHaveProperty('user');
    expect(sible).not.toHaveProperty('cap_add');
  });

  it('hands the key and the URI over as files, and as nothing else', () => {
    const variables = sible.environment ?? {};
    for (const [name, secret] of [
      ['SIBLE_ADMIN_TOKEN', 'admin.key'],
      ['MONGODB_URI', 'mongodb-uri'],
    ] as const) {
      expect(variables).not.toHaveProperty(name);
      expect(variables[`${name}_FILE`]).toBe(`/run/secrets/${secret}`);
      expect(sible.secrets).toContain(secret);
      expect(Object.keys(file.secrets[secret] ?? {})).toEqual(['file']);
    }
    const values = Object.values(file.services).flatMap(({ environment = {} }) => Object.values(environment));
    for (const value of values) expect(value).not.toMatch(/:\/\/|[0-9a-f]{32}/i);
  });

  it('keeps all that the image declares as volumes in named ones', () => {
    const declared: string[] = JSON.parse(/^VOLUME (.+)$/m.exec(dockerfile)?.[1] ?? '[]');
    const mounted = (sible.volumes ?? []).map((mount) => mount.split(':'));

    expect(declared).not.toEqual([]);
    expect(mounted.map(([, path]) => path).sort()).toEqual(declared.sort());
    for (const [name = ''] of mounted) expect(file.volumes).toHaveProperty(name);
  });

  it('publishes Sible on this machine alone, and MongoDB not at all', () => {
    expect(sible.ports).toEqual(['127.0.0.1:4000:4000']);
    expect(file.services.mongo).not.toHaveProperty('ports');
  });

  it('leaves PID 1 to the tini of the image', () => {
    expect(dockerfile).toMatch(/^ENTRYPOINT \["\/usr\/bin\/tini",/m);
    for (const setting of ['init', 'entrypoint', 'command']) expect(sible).not.toHaveProperty(setting);
  });
});

describe('the options of podman for a service', () => {
  const options = (service: string, env: NodeJS.ProcessEnv = {}) =>
    composeOptions(text, service, { folder: '/project', volumePrefix: 'p_', env });
  const of = (settings: string) =>
    composeOptions(`services: { web: { ${settings} } }\nsecrets: { key: { environment: KEY } }`, 'web', {
      folder: '/project',
      volumePrefix: 'p_',
      env: {},
    });

  it('come from its settings', () => {
    const printed = options('sible').join(' ');

    expect(printed).toContain('--read-only --read-only-tmpfs=false --cap-drop ALL');
    expect(printed).toContain('--security-opt no-new-privileges:true --tmpfs /tmp');
    expect(printed).toContain('--env SIBLE_TIMEZONE=UTC --env SIBLE_ALLOWED_HOSTS= ');
    expect(printed).toContain('--volume /project/secrets/admin.key:/run/secrets/admin.key:ro');
    expect(printed).toContain('--volume p_data:/data --volume p_playbooks:/playbooks');
  });

  it('take variables over from the environment, and an empty one as missing', () => {
    expect(options('sible', { SIBLE_TIMEZONE: 'Europe/Berlin' })).toContain('SIBLE_TIMEZONE=Europe/Berlin');
    expect(options('sible', { SIBLE_TIMEZONE: '' })).toContain('SIBLE_TIMEZONE=UTC');
  });

  it.each([
    ['init: true', 'The setting init of web has no translation.'],
    ['toString: 1', 'The setting toString of web has no translation.'],
    ['secrets: [key]', 'The secret key has no file.'],
    ['secrets: [absent]', 'The secret absent has no file.'],
    ['volumes: ["/etc:/data"]', '/etc:/data mounts no volume of the compose file.'],
    ['environment: { A: $B }', '$B holds a variable that is not of the form'],
    [`environment: { A: "\${B}" }`, `\${B} holds a variable that is not of the form`],
  ])('are refused for what would go unchecked: %s', (settings, message) => {
    expect(() => of(settings)).toThrow(message);
  });

  it('are refused for a service that the file does not have', () => {
    expect(() => options('toString')).toThrow('The compose file has no service toString.');
  });
});
